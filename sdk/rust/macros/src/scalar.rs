//! `#[scalar]`: a type that calls the function on every row, registered as one of the plugin's.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, GenericParam, ItemFn, Lifetime, Pat, ReturnType, Type, TypeReference};

use crate::options::{Options, documentation};

/// Arguments that `ArgumentList` is implemented for.
const MOST_ARGUMENTS: usize = 16;

/// The function as it was, and the type beside it.
pub fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item).map_err(|error| {
        syn::Error::new(
            error.span(),
            "`#[scalar]` goes on a plain function: `fn name(…) -> …`",
        )
    })?;
    let options = Options::parse(attribute)?;
    let Arguments { names, types } = Arguments::of(&function)?;
    let output = output(&function)?;

    let function_name = &function.sig.ident;
    let sql_name = match &options.name {
        Some(name) => name.value(),
        None => plain(function_name),
    };
    let description = match &options.description {
        Some(description) => description.value(),
        None => documentation(&function.attrs),
    };
    let volatile = options.volatile.then(|| quote!(.volatile()));
    let visibility = &function.vis;
    let documentation = format!("[`{function_name}()`] as a wasmill function.");
    let fields = names.iter().zip(&types).map(|(name, argument)| {
        // At the argument's own place, so that the compiler points there.
        quote_spanned! {argument.span()=>
            ::wasmill_sdk::Field::new(#name, <#argument as ::wasmill_sdk::Argument<'_>>::data_type())
        }
    });
    let returns = quote_spanned! {output.span()=>
        <<#output as ::wasmill_sdk::Output>::Value as ::wasmill_sdk::ResultValue>::data_type()
    };
    let variables: Vec<Ident> = (0..types.len())
        .map(|index| format_ident!("argument_{index}"))
        .collect();
    let list = quote!((#(#types,)*));
    let generics = &function.sig.generics;
    let declared_types = function.sig.inputs.iter().filter_map(declared_type);
    let declared_output = &function.sig.output;
    let inline = (!has_inline(&function)).then(|| quote!(#[inline(always)]));

    Ok(quote! {
        #inline
        #function

        #[doc = #documentation]
        #[allow(non_camel_case_types)]
        #visibility struct #function_name {}

        ::wasmill_sdk::plugin!(#function_name);

        const _: () = {
            fn row_by_row #generics (
                (#(#variables,)*): (#(#declared_types,)*)
            ) #declared_output {
                #function_name(#(#variables),*)
            }

            impl ::wasmill_sdk::ScalarFunction for #function_name {
                fn signature() -> ::wasmill_sdk::Signature {
                    ::wasmill_sdk::Signature::new(#sql_name)
                        .description(#description)
                        .arguments(::wasmill_sdk::Arguments::Exact(::std::vec![#(#fields),*]))
                        .returns(::wasmill_sdk::Field::new(#sql_name, #returns))
                        #volatile
                }

                fn open(
                    _context: &::wasmill_sdk::OpenContext,
                ) -> ::core::result::Result<Self, ::wasmill_sdk::Error> {
                    ::core::result::Result::Ok(Self {})
                }

                fn batch_eval(
                    &mut self,
                    rows: &::wasmill_sdk::Batch,
                ) -> ::core::result::Result<::wasmill_sdk::Column, ::wasmill_sdk::Error> {
                    let columns = <#list as ::wasmill_sdk::ArgumentList<'_>>::read(rows)?;
                    let built = ::wasmill_sdk::private::evaluate(
                        &columns,
                        <#list as ::wasmill_sdk::ArgumentList<'_>>::rows(&columns, rows),
                        |(#(#variables,)*): #list| #function_name(#(#variables),*),
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
        };
    })
}

/// Whether the author says how the function is to be inlined. Otherwise it always is: into the
/// loop over a batch, which only then can become vector instructions, and into the row path.
fn has_inline(function: &ItemFn) -> bool {
    let mut attributes = function.attrs.iter();
    attributes.any(|attribute| attribute.path().is_ident("inline"))
}

/// An argument's type as it is written.
fn declared_type(input: &FnArg) -> Option<&Type> {
    match input {
        FnArg::Typed(input) => Some(&input.ty),
        FnArg::Receiver(_) => None,
    }
}

/// An identifier without the `r#` of a keyword.
fn plain(identifier: &Ident) -> String {
    identifier.to_string().trim_start_matches("r#").to_string()
}

/// Names and types, lifetimes left to the compiler.
struct Arguments {
    names: Vec<String>,
    types: Vec<Type>,
}

impl Arguments {
    fn of(function: &ItemFn) -> syn::Result<Self> {
        let signature = &function.sig;
        let plain_function = |span: proc_macro2::Span, what: &str| {
            Err(syn::Error::new(
                span,
                format!("a `#[scalar]` function cannot be {what}"),
            ))
        };
        if let Some(word) = &signature.asyncness {
            return plain_function(word.span(), "async");
        }
        if let Some(word) = &signature.unsafety {
            return plain_function(word.span(), "unsafe");
        }
        if let Some(dots) = &signature.variadic {
            return plain_function(dots.span(), "variadic");
        }
        let generic = |parameter: &&GenericParam| !matches!(parameter, GenericParam::Lifetime(_));
        if let Some(parameter) = signature.generics.params.iter().find(generic) {
            return plain_function(parameter.span(), "generic: its SQL types must be known");
        }
        if signature.inputs.len() > MOST_ARGUMENTS {
            let message = format!(
                "a `#[scalar]` function takes at most {MOST_ARGUMENTS} arguments; \
                 implement `wasmill_sdk::ScalarFunction` for more"
            );
            return Err(syn::Error::new(signature.inputs.span(), message));
        }
        let mut arguments = Self {
            names: Vec::new(),
            types: Vec::new(),
        };
        for input in &signature.inputs {
            let FnArg::Typed(input) = input else {
                return Err(syn::Error::new(
                    input.span(),
                    "a `#[scalar]` function has no `self`; implement \
                     `wasmill_sdk::ScalarFunction` for a function with a state",
                ));
            };
            let Pat::Ident(name) = &*input.pat else {
                return Err(syn::Error::new(
                    input.pat.span(),
                    "an argument needs a name, by which SQL knows it",
                ));
            };
            arguments.names.push(plain(&name.ident));
            arguments.types.push(without_lifetimes(&input.ty));
        }
        Ok(arguments)
    }
}

fn output(function: &ItemFn) -> syn::Result<Type> {
    match &function.sig.output {
        ReturnType::Type(_, output) => Ok(without_lifetimes(output)),
        ReturnType::Default => Err(syn::Error::new(
            function.sig.paren_token.span.close(),
            "a `#[scalar]` function returns a value: `-> f64`",
        )),
    }
}

/// The type with `'_` for every lifetime that is named.
fn without_lifetimes(original: &Type) -> Type {
    struct Elide;
    impl VisitMut for Elide {
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            reference.lifetime = None;
            visit_mut::visit_type_reference_mut(self, reference);
        }

        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                lifetime.ident = format_ident!("_");
            }
        }
    }
    let mut elided = original.clone();
    Elide.visit_type_mut(&mut elided);
    elided
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

    #[test]
    fn lifetimes_are_left_to_the_compiler() {
        let borrowed: Type = syn::parse_quote!(Option<&'a [Cow<'a, str>]>);
        let elided = without_lifetimes(&borrowed);
        assert_eq!(
            quote!(#elided).to_string(),
            "Option < & [Cow < '_ , str >] >"
        );
    }
}
