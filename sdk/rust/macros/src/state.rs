//! `#[derive(State)]`: a struct that is what is kept of a key, each field a slot.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Index, LitStr};

use crate::function::plain;

pub fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let fields = match &item.data {
        Data::Struct(data) if item.generics.params.is_empty() => match &data.fields {
            Fields::Named(fields) => Some(&fields.named),
            _ => None,
        },
        _ => None,
    };
    let fields = fields.ok_or_else(|| {
        let message = "`#[derive(State)]` goes on a struct with named fields, which is not generic";
        syn::Error::new(item.ident.span(), message)
    })?;
    let mut slots = Vec::new();
    for field in fields {
        slots.push(slot(field)?);
    }
    let (name, count) = (&item.ident, fields.len());
    let names: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let places: Vec<_> = (0..count).map(Index::from).collect();
    let numbers: Vec<_> = (0..count as u32).collect();
    Ok(quote! {
        const _: () = {
            use ::wasmill_sdk::{Error, Kept, Slot, private};

            #[allow(unused_variables, clippy::unused_unit)]
            impl ::wasmill_sdk::State for #name {
                type Before = (#(<#types as Kept>::Before,)*);

                fn slots() -> ::std::vec::Vec<Slot> {
                    ::std::vec![#(#slots),*]
                }

                fn read<H: private::Store>(
                    host: &H,
                    keys: usize,
                ) -> ::core::result::Result<Self::Before, Error> {
                    ::core::result::Result::Ok((
                        #(<#types as Kept>::read(host, #numbers, keys)?,)*
                    ))
                }

                #[inline]
                fn load(&mut self, before: &Self::Before, key: u32) {
                    #(
                        let place = private::Place { slot: #numbers, key };
                        Kept::load(&mut self.#names, &before.#places, place);
                    )*
                }

                fn copy(&self) -> Self {
                    Self { #(#names: Kept::copy(&self.#names),)* }
                }

                fn write<H: private::Store>(
                    host: &H,
                    before: &Self::Before,
                    states: &[Self],
                ) -> ::core::result::Result<(), Error> {
                    let absent = <Self as ::core::default::Default>::default();
                    #(
                        let fields = states.iter().map(|state| &state.#names);
                        Kept::write(host, #numbers, &before.#places, &absent.#names, fields)?;
                    )*
                    ::core::result::Result::Ok(())
                }
            }
        };
    })
}

/// What the host is told of a field.
fn slot(field: &Field) -> syn::Result<TokenStream> {
    let mut ttl = None;
    for attribute in &field.attrs {
        if attribute.path().is_ident("state") {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("ttl") {
                    return Err(meta.error("`#[state(…)]` knows `ttl = \"1 h\"`"));
                }
                let written: LitStr = meta.value()?.parse()?;
                ttl = Some(milliseconds(&written)?);
                Ok(())
            })?;
        }
    }
    let name = field.ident.as_ref().map(plain);
    let (data_type, span) = (&field.ty, field.ty.span());
    let ttl = ttl.map(|ttl| quote!(.ttl(::core::time::Duration::from_millis(#ttl))));
    // At the field's own place, so that the compiler points there.
    Ok(quote_spanned!(span=> <#data_type as Kept>::slot(#name)#ttl))
}

fn milliseconds(written: &LitStr) -> syn::Result<u64> {
    let text = written.value();
    let text = text.trim();
    let unit = text.find(|character: char| !character.is_ascii_digit());
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    let unit = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    let all = number.zip(unit);
    all.and_then(|(number, unit)| number.checked_mul(unit))
        .ok_or_else(|| {
            let message = "a `ttl` is a whole number of `ms`, `s`, `min`, `h` or `d`: `\"1 h\"`";
            syn::Error::new(written.span(), message)
        })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_cannot_be_kept_is_refused_in_words() {
        let refusals = [
            quote!(
                enum Visits {}
            ),
            quote!(
                struct Visits(i64);
            ),
            quote!(
                struct Visits<T> {
                    last: T,
                }
            ),
            quote!(
                struct Visits {
                    #[state(skip)]
                    last: i64,
                }
            ),
            quote!(
                struct Visits {
                    #[state(ttl = "an hour")]
                    last: i64,
                }
            ),
            quote!(
                struct Visits {
                    #[state(ttl = "0 s")]
                    last: i64,
                }
            ),
        ];
        let refusals = refusals.map(|item| expand(item).unwrap_err().to_string());
        expect![[r#"
            `#[derive(State)]` goes on a struct with named fields, which is not generic
            `#[derive(State)]` goes on a struct with named fields, which is not generic
            `#[derive(State)]` goes on a struct with named fields, which is not generic
            `#[state(…)]` knows `ttl = "1 h"`
            a `ttl` is a whole number of `ms`, `s`, `min`, `h` or `d`: `"1 h"`
            a `ttl` is a whole number of `ms`, `s`, `min`, `h` or `d`: `"1 h"`"#]]
        .assert_eq(&refusals.join("\n"));
    }

    #[test]
    fn a_time_has_a_unit() {
        let read = |text| milliseconds(&LitStr::new(text, proc_macro2::Span::call_site()));
        let times = ["250 ms", "90s", "2 min", "1 h", "7 d"].map(|text| read(text).unwrap());
        assert_eq!(times, [250, 90_000, 120_000, 3_600_000, 604_800_000]);
    }
}
