//! `#[scalar]`: a type that calls the function on every row, registered as one of the plugin's.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, ItemFn, PathArguments, Type};

use crate::function::{Attribute, Function, open};
use crate::methods::last_segment;

const SCALAR: Attribute = Attribute {
    name: "scalar",
    by_hand: "ScalarFunction",
    returns: ("a value", "f64"),
    has_columns: false,
    has_side_outputs: false,
    options: "`name = \"…\"`, `description = \"…\"` and `volatile`",
};

/// The function as it was, and the type beside it.
pub fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut function = Function::parse(&SCALAR, attribute, item)?;
    if !has_inline(&function.item) {
        let inline = match allocates(&function.output) {
            true => syn::parse_quote!(#[inline(never)]),
            false => syn::parse_quote!(#[inline(always)]),
        };
        function.item.attrs.push(inline);
    }
    let (name, sql_name, output) = (function.ident(), &function.sql_name, &function.output);
    let (variables, list) = (function.variables(), function.list());
    let (signature, open) = (function.signature(), open());
    let returns = quote_spanned! {output.span()=>
        <<#output as ::wasmill_sdk::Output>::Value as ::wasmill_sdk::ResultValue>::data_type()
    };
    let generics = &function.item.sig.generics;
    let declared_types = function.declared_types();
    let declared_output = &function.item.sig.output;

    Ok(function.with_type(quote! {
        fn row_by_row #generics (
            (#(#variables,)*): (#(#declared_types,)*)
        ) #declared_output {
            #name(#(#variables),*)
        }

        impl ::wasmill_sdk::ScalarFunction for #name {
            fn signature() -> ::wasmill_sdk::Signature {
                #signature.returns(::wasmill_sdk::Field::new(#sql_name, #returns))
            }

            #open

            fn batch_eval(
                &mut self,
                rows: &::wasmill_sdk::Batch,
            ) -> ::core::result::Result<::wasmill_sdk::Column, ::wasmill_sdk::Error> {
                let columns = <#list as ::wasmill_sdk::ArgumentList<'_>>::read(rows)?;
                let built = ::wasmill_sdk::private::evaluate(
                    &columns,
                    <#list as ::wasmill_sdk::ArgumentList<'_>>::rows(&columns, rows),
                    |(#(#variables,)*): #list| #name(#(#variables),*),
                    row_by_row,
                )?;
                ::core::result::Result::Ok(built.into_column())
            }

            fn eval(
                &mut self,
                row: ::wasmill_sdk::Row<'_>,
            ) -> ::core::result::Result<::wasmill_sdk::Value, ::wasmill_sdk::Error> {
                let columns = <#list as ::wasmill_sdk::ArgumentList<'_>>::from_row(row)?;
                ::wasmill_sdk::private::evaluate_row(&columns, row_by_row)
            }
        }
    }))
}

/// Whether a value of this type, or of the type that it is an `Option` or a `Result` of, is allocated.
fn allocates(output: &Type) -> bool {
    let Some(last) = last_segment(output) else {
        return false;
    };
    if last.ident != "Option" && last.ident != "Result" {
        return ["String", "Vec", "Cow"]
            .iter()
            .any(|name| last.ident == name);
    }
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => allocates(inner),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the author says how the function is to be inlined. Otherwise it is, into the loop over a batch,
/// which only then can become vector instructions, and into the row path; but not where it gives what is
/// allocated: no loop over that can, and its own loops then have the registers for themselves.
fn has_inline(function: &ItemFn) -> bool {
    let mut attributes = function.attrs.iter();
    attributes.any(|attribute| attribute.path().is_ident("inline"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn refused(attribute: TokenStream, item: TokenStream) -> String {
        expand(attribute, item).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_a_function_is_refused_in_words() {
        let none = TokenStream::new;
        let refusals = [
            refused(
                none(),
                quote!(
                    struct Area;
                ),
            ),
            refused(
                none(),
                quote!(
                    async fn f(x: f64) -> f64 {
                        x
                    }
                ),
            ),
            refused(
                none(),
                quote!(
                    unsafe fn f(x: f64) -> f64 {
                        x
                    }
                ),
            ),
            refused(
                none(),
                quote!(
                    fn f<T>(x: T) -> f64 {
                        0.0
                    }
                ),
            ),
            refused(
                none(),
                quote!(
                    fn f(&self) -> f64 {
                        0.0
                    }
                ),
            ),
            refused(
                none(),
                quote!(
                    fn f((x, y): (f64, f64)) -> f64 {
                        x
                    }
                ),
            ),
            refused(
                none(),
                quote!(
                    fn f(x: f64) {}
                ),
            ),
            refused(
                quote!(pure),
                quote!(
                    fn f(x: f64) -> f64 {
                        x
                    }
                ),
            ),
        ];
        expect![[r#"
            `#[scalar]` goes on a plain function: `fn name(…) -> …`
            a `#[scalar]` function cannot be async
            a `#[scalar]` function cannot be unsafe
            a `#[scalar]` function cannot be generic: its SQL types must be known
            a `#[scalar]` function has no `self`; implement `wasmill_sdk::ScalarFunction` for a function with a state
            an argument needs a name, by which SQL knows it
            a `#[scalar]` function returns a value: `-> f64`
            `#[scalar]` knows `name = "…"`, `description = "…"` and `volatile`"#]]
        .assert_eq(&refusals.join("\n"));
    }
}
