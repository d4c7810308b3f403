//! `#[aggregate]`: an implementation of a type that is one group, made an aggregate function.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ItemImpl;
use syn::spanned::Spanned;

use crate::function::{Attribute, plain};
use crate::methods::{Method, inline, snake_case, type_name};
use crate::options::{Options, documentation};

const AGGREGATE: Attribute = Attribute {
    name: "aggregate",
    by_hand: "AggregateFunction",
    returns: ("a value", "f64"),
    has_columns: false,
    has_side_outputs: false,
    options: "`name = \"…\"`, `description = \"…\"` and `volatile`",
};

/// How the methods of a group are written.
const METHODS: [(&str, &str); 4] = [
    ("update", "fn update(&mut self, x: f64)"),
    ("state", "fn state(&self) -> (f64, i64)"),
    ("merge", "fn merge(&mut self, sum: f64, count: i64)"),
    ("evaluate", "fn evaluate(&self) -> f64"),
];

/// The implementation as it was, and the traits beside it.
pub fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut group: ItemImpl = syn::parse2(item).map_err(|error| {
        let message = "`#[aggregate]` goes on the methods of a type: `impl Mean { … }`";
        syn::Error::new(error.span(), message)
    })?;
    let options = Options::parse(&AGGREGATE, attribute)?;
    inline(&mut group, &["update", "retract", "merge"]);
    let name = type_name(&AGGREGATE, &group)?;
    let [update, state, merge, evaluate] = METHODS.map(|(method, written)| {
        let found = Method::of(&group, method, "a group")?;
        found.ok_or_else(|| {
            let message = format!("an `#[aggregate]` type has `{written}`");
            syn::Error::new(group.self_ty.span(), message)
        })
    });
    let (update, state, merge, evaluate) = (update?, state?, merge?, evaluate?);
    for method in [&state, &evaluate] {
        method.gives_something("f64")?;
    }
    let retract = Method::of(&group, "retract", "a group")?;
    let sql_name = match &options.name {
        Some(name) => name.value(),
        None => snake_case(&plain(name)),
    };
    let description = match &options.description {
        Some(description) => description.value(),
        None => documentation(&group.attrs),
    };
    let volatile = options.volatile.then(|| quote!(.volatile()));
    let (names, types) = (&update.names, &update.types);
    let fields = names.iter().zip(types).map(|(name, argument)| {
        // At the argument's own place, so that the compiler points there.
        quote_spanned! {argument.span()=>
            ::wasmill_sdk::Field::new(#name, <#argument as ::wasmill_sdk::Argument<'_>>::data_type())
        }
    });
    let state_names = &merge.names;
    let retracts = retract.is_some();
    let (update, merge) = (fold(&update, name), fold(&merge, name));
    let retract = match retract {
        Some(retract) => fold(&retract, name),
        None => quote! {
            let _ = (groups, rows, numbers);
            ::core::result::Result::Err(::wasmill_sdk::Error::failed(
                "this function takes no rows back",
            ))
        },
    };
    let done = quote!(::core::result::Result<(), ::wasmill_sdk::Error>);
    let batch = quote!(rows: &::wasmill_sdk::Batch);
    Ok(quote! {
        #group

        ::wasmill_sdk::plugin!(#name);

        const _: () = {
            use ::wasmill_sdk::private;

            impl ::wasmill_sdk::AggregateFunction for #name {
                type Accumulators = private::Groups<Self>;

                fn signature() -> ::wasmill_sdk::Signature {
                    ::wasmill_sdk::Signature::new(#sql_name)
                        .description(#description)
                        .arguments(::wasmill_sdk::Arguments::Exact(::std::vec![#(#fields),*]))
                        .returns(::wasmill_sdk::Field::new(
                            #sql_name,
                            private::value_type(|group: &#name| group.evaluate()),
                        ))
                        #volatile
                }

                fn open(
                    _context: &::wasmill_sdk::OpenContext,
                ) -> ::core::result::Result<Self, ::wasmill_sdk::Error> {
                    ::core::result::Result::Ok(::core::default::Default::default())
                }

                fn state_fields(&self) -> ::std::vec::Vec<::wasmill_sdk::Field> {
                    private::state_fields([#(#state_names),*], |group: &#name| group.state())
                }

                fn retracts(&self) -> bool {
                    #retracts
                }

                fn accumulators(&self) -> Self::Accumulators {
                    ::core::default::Default::default()
                }
            }

            impl private::Group for #name {
                const RETRACTS: bool = #retracts;

                fn update(groups: &mut [Self], #batch, numbers: &[u32]) -> #done {
                    #update
                }

                fn retract(groups: &mut [Self], #batch, numbers: &[u32]) -> #done {
                    #retract
                }

                fn merge(groups: &mut [Self], #batch, numbers: &[u32]) -> #done {
                    #merge
                }

                fn states(
                    groups: &[Self],
                ) -> ::core::result::Result<
                    ::std::vec::Vec<::wasmill_sdk::Column>,
                    ::wasmill_sdk::Error,
                > {
                    private::states(groups, |group: &#name| group.state())
                }

                fn values(
                    groups: &[Self],
                ) -> ::core::result::Result<::wasmill_sdk::Column, ::wasmill_sdk::Error> {
                    private::values(groups, |group: &#name| group.evaluate())
                }
            }
        };
    })
}

/// Calls it for each row with the row's group.
fn fold(method: &Method<'_>, group: &Ident) -> TokenStream {
    let (name, types) = (&method.written.sig.ident, &method.types);
    let variables = (0..types.len()).map(|index| format_ident!("argument_{index}"));
    let variables: Vec<_> = variables.collect();
    let list = quote!((#(#types,)*));
    quote! {
        let columns = <#list as ::wasmill_sdk::ArgumentList<'_>>::read(rows)?;
        private::fold(
            &columns,
            groups,
            numbers,
            |group: &mut #group, (#(#variables,)*): #list| group.#name(#(#variables),*),
        )
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_cannot_be_a_function_is_refused_in_words() {
        let refused = |options: TokenStream, item: TokenStream| {
            expand(options, item).unwrap_err().to_string()
        };
        let update = quote!(
            fn update(&mut self, x: f64) {}
        );
        let merge = quote!(
            fn merge(&mut self, sum: f64) {}
        );
        let state = quote!(
            fn state(&self) -> f64 {
                0.0
            }
        );
        let none = TokenStream::new;
        let refusals = [
            refused(
                none(),
                quote!(
                    fn f(x: f64) -> f64 {
                        x
                    }
                ),
            ),
            refused(quote!(pure), quote!(impl Sum {})),
            refused(
                none(),
                quote!(
                    impl<T> Sum<T> {}
                ),
            ),
            refused(none(), quote!(impl Default for Sum {})),
            refused(none(), quote!(impl Sum { #update })),
            refused(
                none(),
                quote!(impl Sum { fn update(x: f64) {} #state #merge }),
            ),
            refused(
                none(),
                quote!(impl Sum { #update #state #merge fn evaluate(&self) {} }),
            ),
        ];
        expect![[r#"
            `#[aggregate]` goes on the methods of a type: `impl Mean { … }`
            `#[aggregate]` knows `name = "…"`, `description = "…"` and `volatile`
            a type with `#[aggregate]` is a plain one, with its own methods: its SQL types must be known; implement `wasmill_sdk::AggregateFunction` for another
            a type with `#[aggregate]` is a plain one, with its own methods: its SQL types must be known; implement `wasmill_sdk::AggregateFunction` for another
            an `#[aggregate]` type has `fn state(&self) -> (f64, i64)`
            `update` is a method of a group: it takes `self`
            `evaluate` gives something: `-> f64`"#]]
        .assert_eq(&refusals.join("\n"));
    }
}
