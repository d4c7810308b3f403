//! `#[table]`: a type that calls the function on every row, registered as one of the plugin's.

use proc_macro2::TokenStream;
use quote::quote;

use crate::function::{Attribute, Function, open};

const TABLE: Attribute = Attribute {
    name: "table",
    by_hand: "TableFunction",
    returns: ("rows", "Vec<f64>"),
    has_columns: true,
    has_side_outputs: false,
    options: "`name = \"…\"`, `description = \"…\"`, `columns(…, …)` and `volatile`",
};

/// The function as it was, and the type beside it.
pub fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function = Function::parse(&TABLE, attribute, item)?;
    let (name, sql_name) = (function.ident(), &function.sql_name);
    let (variables, list) = (function.variables(), function.list());
    let (signature, open) = (function.signature(), open());
    let columns = &function.options.columns;
    let call = quote! {
        |(#(#variables,)*): #list| ::wasmill_sdk::private::Gave::new(#name(#(#variables),*)).rows()
    };

    Ok(function.with_type(quote! {
        #[allow(unused_imports)]
        use ::wasmill_sdk::private::{Always as _, OrError as _};

        impl ::wasmill_sdk::TableFunction for #name {
            fn signature() -> ::wasmill_sdk::Signature {
                #signature.columns(
                    ::wasmill_sdk::private::columns([#(#columns),*], #sql_name, #call)
                )
            }

            #open

            fn batch_eval(
                &mut self,
                rows: &::wasmill_sdk::Batch,
            ) -> ::core::result::Result<::wasmill_sdk::Expansion, ::wasmill_sdk::Error> {
                let columns = <#list as ::wasmill_sdk::ArgumentList<'_>>::read(rows)?;
                let expanded = ::wasmill_sdk::private::expand(
                    &columns,
                    <#list as ::wasmill_sdk::ArgumentList<'_>>::rows(&columns, rows),
                    #call,
                )?;
                expanded.into_expansion(&::wasmill_sdk::TableFunction::returns(self)?)
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_cannot_be_a_function_is_refused_in_words() {
        let refusals = [
            expand(
                quote!(columns(a, b), pure),
                quote!(
                    fn f(x: f64) -> Vec<f64> {
                        vec![x]
                    }
                ),
            ),
            expand(
                TokenStream::new(),
                quote!(
                    fn f(x: f64) {}
                ),
            ),
            expand(
                TokenStream::new(),
                quote!(
                    fn f(&self) -> Vec<f64> {
                        vec![]
                    }
                ),
            ),
        ];
        let refusals = refusals.map(|refused| refused.unwrap_err().to_string());
        expect![[r#"
            `#[table]` knows `name = "…"`, `description = "…"`, `columns(…, …)` and `volatile`
            a `#[table]` function returns rows: `-> Vec<f64>`
            a `#[table]` function has no `self`; implement `wasmill_sdk::TableFunction` for a function with a state"#]]
        .assert_eq(&refusals.join("\n"));
    }
}
