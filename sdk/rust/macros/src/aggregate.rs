//! `#[aggregate]`: an implementation of a type that is one group, made an aggregate function.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, Pat, ReturnType, Type};

use crate::function::{Attribute, plain, without_lifetimes};
use crate::options::{Options, documentation};

const AGGREGATE: Attribute = Attribute {
    name: "aggregate",
    by_hand: "AggregateFunction",
    returns: ("a value", "f64"),
    has_columns: false,
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
    let group: ItemImpl = syn::parse2(item).map_err(|error| {
        let message = "`#[aggregate]` goes on the methods of a type: `impl Mean { … }`";
        syn::Error::new(error.span(), message)
    })?;
    let options = Options::parse(&AGGREGATE, attribute)?;
    let name = type_name(&group)?;
    let [update, state, merge, evaluate] = METHODS.map(|(method, written)| {
        let found = Method::of(&group, method)?;
        found.ok_or_else(|| {
            let message = format!("an `#[aggregate]` type has `{written}`");
            syn::Error::new(group.self_ty.span(), message)
        })
    });
    let (update, state, merge, evaluate) = (update?, state?, merge?, evaluate?);
    for method in [&state, &evaluate] {
        method.gives_something()?;
    }
    let retract = Method::of(&group, "retract")?;
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
    let (update, merge) = (update.fold(name), merge.fold(name));
    let retract = match retract {
        Some(retract) => retract.fold(name),
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

/// A method that has a group and values of a row.
struct Method<'a> {
    written: &'a ImplItemFn,
    names: Vec<String>,
    types: Vec<Type>,
}

impl<'a> Method<'a> {
    /// The method of this name, if there is one.
    fn of(group: &'a ItemImpl, name: &str) -> syn::Result<Option<Self>> {
        let mut methods = group.items.iter().filter_map(|item| match item {
            ImplItem::Fn(method) if method.sig.ident == name => Some(method),
            _ => None,
        });
        let Some(written) = methods.next() else {
            return Ok(None);
        };
        let mut inputs = written.sig.inputs.iter();
        if !matches!(inputs.next(), Some(FnArg::Receiver(_))) {
            let message = format!("`{name}` is a method of a group: it takes `self`");
            return Err(syn::Error::new(written.sig.span(), message));
        }
        let mut method = Self {
            written,
            names: Vec::new(),
            types: Vec::new(),
        };
        for input in inputs {
            let FnArg::Typed(input) = input else {
                continue;
            };
            let Pat::Ident(argument) = &*input.pat else {
                let message = "an argument needs a name, by which SQL knows it";
                return Err(syn::Error::new(input.pat.span(), message));
            };
            method.names.push(plain(&argument.ident));
            method.types.push(without_lifetimes(&input.ty));
        }
        Ok(Some(method))
    }

    fn gives_something(&self) -> syn::Result<()> {
        match &self.written.sig.output {
            ReturnType::Type(..) => Ok(()),
            ReturnType::Default => {
                let name = &self.written.sig.ident;
                let message = format!("`{name}` gives something: `-> f64`");
                Err(syn::Error::new(self.written.sig.span(), message))
            }
        }
    }

    /// Calls it for each row with the row's group.
    fn fold(&self, group: &Ident) -> TokenStream {
        let (name, types) = (&self.written.sig.ident, &self.types);
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
}

/// The name of the type that has the methods.
fn type_name(group: &ItemImpl) -> syn::Result<&Ident> {
    let plain = group.trait_.is_none() && group.generics.params.is_empty();
    match &*group.self_ty {
        Type::Path(path) if plain && path.qself.is_none() => {
            if let Some(name) = path.path.get_ident() {
                return Ok(name);
            }
        }
        _ => {}
    }
    Err(syn::Error::new(
        group.self_ty.span(),
        format!(
            "an `#[aggregate]` type is a plain one, with its own methods: its SQL types must be \
             known; implement `wasmill_sdk::{}` for another",
            AGGREGATE.by_hand
        ),
    ))
}

/// `WeightedMean` as SQL has it: `weighted_mean`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn names_are_those_of_sql() {
        assert_eq!(snake_case("WeightedMean"), "weighted_mean");
        assert_eq!(snake_case("mean"), "mean");
    }

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
            refused(none(), quote!(fn f(x: f64) -> f64 { x })),
            refused(quote!(pure), quote!(impl Sum {})),
            refused(none(), quote!(impl<T> Sum<T> {})),
            refused(none(), quote!(impl Default for Sum {})),
            refused(none(), quote!(impl Sum { #update })),
            refused(none(), quote!(impl Sum { fn update(x: f64) {} #state #merge })),
            refused(
                none(),
                quote!(impl Sum { #update #state #merge fn evaluate(&self) {} }),
            ),
        ];
        expect![[r#"
            `#[aggregate]` goes on the methods of a type: `impl Mean { … }`
            `#[aggregate]` knows `name = "…"`, `description = "…"` and `volatile`
            an `#[aggregate]` type is a plain one, with its own methods: its SQL types must be known; implement `wasmill_sdk::AggregateFunction` for another
            an `#[aggregate]` type is a plain one, with its own methods: its SQL types must be known; implement `wasmill_sdk::AggregateFunction` for another
            an `#[aggregate]` type has `fn state(&self) -> (f64, i64)`
            `update` is a method of a group: it takes `self`
            `evaluate` gives something: `-> f64`"#]]
        .assert_eq(&refusals.join("\n"));
    }
}
