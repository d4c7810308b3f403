//! `#[process]`: an implementation of a type that is what is kept of a key, made a process function.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, ItemImpl, PathArguments, Type};

use crate::function::{Attribute, MOST_ARGUMENTS, plain};
use crate::methods::{Method, inline, last_segment, snake_case, type_name};
use crate::options::{Options, documentation};

const PROCESS: Attribute = Attribute {
    name: "process",
    by_hand: "ProcessFunction",
    returns: ("rows", "Vec<f64>"),
    has_columns: true,
    has_side_outputs: true,
    options: "`name = \"…\"`, `description = \"…\"`, `columns(…, …)`, `side_outputs(…, …)` and \
              `volatile`",
};

/// The implementation as it was, and the trait beside it.
pub fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut state: ItemImpl = syn::parse2(item).map_err(|error| {
        let message = "`#[process]` goes on the methods of a type: `impl Visits { … }`";
        syn::Error::new(error.span(), message)
    })?;
    let options = Options::parse(&PROCESS, attribute)?;
    inline(&mut state, &["eval"]);
    let name = type_name(&PROCESS, &state)?;
    let eval = Step::of(&state, "eval")?.ok_or_else(|| {
        let message = "a `#[process]` type has `fn eval(&mut self, call: &mut Call, x: f64) -> …`";
        syn::Error::new(state.self_ty.span(), message)
    })?;
    let on_timer = Step::of(&state, "on_timer")?;
    if let Some(on_timer) = &on_timer {
        on_timer.takes_a_timer()?;
    }
    let broadcast = Method::without_self(&state, "broadcast")?;
    if let Some(broadcast) = &broadcast {
        owns_its_arguments(broadcast)?;
    }
    for step in [Some(&eval), on_timer.as_ref()].into_iter().flatten() {
        step.knows_its_broadcast(broadcast.is_some())?;
    }
    let rows = [Some(&eval), on_timer.as_ref()].into_iter().flatten();
    let rows = rows.into_iter().find(|step| step.method.gives());
    let rows = rows.ok_or_else(|| {
        let message = "`eval` gives rows, or `on_timer` does: `-> Option<(String, i64)>`";
        syn::Error::new(eval.method.written.sig.span(), message)
    })?;

    let sql_name = match &options.name {
        Some(name) => name.value(),
        None => snake_case(&plain(name)),
    };
    let description = match &options.description {
        Some(description) => description.value(),
        None => documentation(&state.attrs),
    };
    let volatile = options.volatile.then(|| quote!(.volatile()));
    let columns = &options.columns;
    let side_outputs = &options.side_outputs;
    let fields = fields(&eval.names, &eval.types);
    let (variables, list) = (eval.variables(), eval.list());
    let rows_call = rows.call_type();
    let rows_given = rows.given();
    let (rows_variables, rows_list) = (rows.variables(), rows.list());
    let with_broadcast = broadcast.as_ref().map(gathered);
    let eval_with = eval.with(with_broadcast.as_ref());
    let eval_step = eval.step(name, &quote!((#(#variables,)*): #list));
    let timers = match &on_timer {
        Some(on_timer) => {
            let with = on_timer.with(with_broadcast.as_ref());
            let variable = on_timer.variables().pop();
            let variable = variable.unwrap_or_else(|| format_ident!("_timer"));
            let step = on_timer.step(name, &quote!(#variable: &str));
            quote!(#with.timers(timers, #step))
        }
        None => quote! {
            let _ = (timers, given);
            ::core::result::Result::Ok(::std::vec::Vec::new())
        },
    };
    let broadcast = match &broadcast {
        Some(broadcast) => {
            let fields = self::fields(&broadcast.names, &broadcast.types);
            quote!(::core::option::Option::Some(::std::vec![#(#fields),*]))
        }
        None => quote!(::core::option::Option::None),
    };
    let given = quote! {
        ::core::result::Result<::std::vec::Vec<private::Given>, ::wasmill_sdk::Error>
    };
    Ok(quote! {
        #state

        ::wasmill_sdk::plugin!(::wasmill_sdk::private::RowByRow<#name>);

        const _: () = {
            use ::wasmill_sdk::private;
            #[allow(unused_imports)]
            use ::wasmill_sdk::private::{Always as _, OrError as _};

            impl private::Process for #name {
                fn signature() -> ::wasmill_sdk::Signature {
                    ::wasmill_sdk::Signature::new(#sql_name)
                        .description(#description)
                        .arguments(::wasmill_sdk::Arguments::Exact(::std::vec![#(#fields),*]))
                        .columns(private::columns(
                            [#(#columns),*],
                            #sql_name,
                            |(state, _call, (#(#rows_variables,)*)): (
                                &mut #name,
                                #rows_call,
                                #rows_list,
                            )| #rows_given,
                        ))
                        #volatile
                }

                fn side_outputs() -> ::std::vec::Vec<::wasmill_sdk::SideRows> {
                    ::std::vec![#(#side_outputs.declared()),*]
                }

                fn broadcast() -> ::core::option::Option<::std::vec::Vec<::wasmill_sdk::Field>> {
                    #broadcast
                }

                fn eval(
                    rows: &::wasmill_sdk::Batch,
                    given: private::Function<'_>,
                ) -> #given {
                    let columns = <#list as ::wasmill_sdk::ArgumentList<'_>>::read(rows)?;
                    #eval_with.rows(&columns, #eval_step)
                }

                fn on_timers(
                    timers: &::wasmill_sdk::Timers,
                    given: private::Function<'_>,
                ) -> #given {
                    #timers
                }
            }
        };
    })
}

/// A method that is called for each row, or for each timer.
struct Step<'a> {
    method: Method<'a>,
    /// Whether it takes a `&mut Call`, and whether a `&mut Call<B>`.
    call: Option<bool>,
    /// Of the arguments behind that.
    names: Vec<String>,
    types: Vec<Type>,
}

impl<'a> Step<'a> {
    fn of(state: &'a ItemImpl, name: &str) -> syn::Result<Option<Self>> {
        let Some(method) = Method::of(state, name, "a state")? else {
            return Ok(None);
        };
        let (mut names, mut types) = (method.names.clone(), method.types.clone());
        let call = types.first().and_then(call);
        if call.is_some() {
            names.remove(0);
            types.remove(0);
        }
        if types.len() > MOST_ARGUMENTS {
            let (name, by_hand) = (PROCESS.name, PROCESS.by_hand);
            let message = format!(
                "a `#[{name}]` function takes at most {MOST_ARGUMENTS} arguments; \
                 implement `wasmill_sdk::{by_hand}` for more"
            );
            return Err(syn::Error::new(method.written.sig.inputs.span(), message));
        }
        Ok(Some(Self {
            method,
            call,
            names,
            types,
        }))
    }

    fn takes_a_timer(&self) -> syn::Result<()> {
        let text = |data_type: &Type| quote!(#data_type).to_string() == quote!(&str).to_string();
        if self.types.len() <= 1 && self.types.iter().all(text) {
            return Ok(());
        }
        let message = "`on_timer` takes the timer's name: \
                       `fn on_timer(&mut self, call: &mut Call, timer: &str)`";
        Err(syn::Error::new(
            self.method.written.sig.inputs.span(),
            message,
        ))
    }

    fn knows_its_broadcast(&self, there: bool) -> syn::Result<()> {
        if self.call == Some(true) && !there {
            let message = "a `Call<B>` is of a broadcast table: `fn broadcast(name: String) -> …` \
                           makes something of each of its rows";
            return Err(syn::Error::new(
                self.method.written.sig.inputs.span(),
                message,
            ));
        }
        Ok(())
    }

    /// A name for each argument.
    fn variables(&self) -> Vec<Ident> {
        let arguments = 0..self.types.len();
        arguments
            .map(|index| format_ident!("argument_{index}"))
            .collect()
    }

    /// The arguments' types, as a tuple.
    fn list(&self) -> TokenStream {
        let types = &self.types;
        quote!((#(#types,)*))
    }

    fn call_type(&self) -> TokenStream {
        match self.call {
            Some(true) => quote!(&mut private::Call<'_, _>),
            _ => quote!(&mut private::Call<'_, ()>),
        }
    }

    /// What the method gives.
    fn called(&self) -> TokenStream {
        let (name, variables) = (&self.method.written.sig.ident, self.variables());
        let call = self.call.map(|_| quote!(_call,));
        quote!(state.#name(#call #(#variables),*))
    }

    fn given(&self) -> TokenStream {
        let called = self.called();
        quote!(private::Gave::new(#called).rows())
    }

    /// What a call has beside its rows.
    fn with(&self, broadcast: Option<&TokenStream>) -> TokenStream {
        match (self.call, broadcast) {
            (Some(true), Some(broadcast)) => quote!(given.with_broadcast(#broadcast)?),
            _ => quote!(given.without_broadcast()),
        }
    }

    /// Calls it for a row or a timer, and gathers what it gives.
    fn step(&self, state: &Ident, arguments: &TokenStream) -> TokenStream {
        let call = self.call_type();
        let (gathered, body) = match self.method.gives() {
            true if self.method.gives_an_option() => {
                let called = self.called();
                (quote!(_), quote!(gathered.add_one(#called)))
            }
            true => {
                let given = self.given();
                (quote!(_), quote!(gathered.add(#given)))
            }
            false => {
                let called = self.called();
                let done = quote! {{
                    let _ = gathered;
                    private::Added::added(#called)
                }};
                (quote!(()), done)
            }
        };
        quote! {
            |state: &mut #state, _call: #call, gathered: &mut private::Gathered<#gathered>, #arguments| #body
        }
    }
}

/// Whether a type is `&mut Call`, and whether `&mut Call<B>`.
fn call(data_type: &Type) -> Option<bool> {
    let Type::Reference(reference) = data_type else {
        return None;
    };
    let last = last_segment(&reference.elem)?;
    if last.ident != "Call" {
        return None;
    }
    Some(match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .any(|argument| matches!(argument, GenericArgument::Type(_))),
        _ => false,
    })
}

fn fields<'a>(names: &'a [String], types: &'a [Type]) -> impl Iterator<Item = TokenStream> {
    names.iter().zip(types).map(|(name, argument)| {
        // At the argument's own place, so that the compiler points there.
        quote_spanned! {argument.span()=>
            ::wasmill_sdk::Field::new(#name, <#argument as ::wasmill_sdk::Argument<'_>>::data_type())
        }
    })
}

/// What is made of a row of the broadcast table.
fn gathered(broadcast: &Method<'_>) -> TokenStream {
    let types = &broadcast.types;
    let variables = (0..types.len()).map(|index| format_ident!("argument_{index}"));
    let variables: Vec<_> = variables.collect();
    quote! {
        |(#(#variables,)*): (#(#types,)*)| Self::broadcast(#(#variables),*)
    }
}

/// What is made of the rows lives longer than they do.
fn owns_its_arguments(broadcast: &Method<'_>) -> syn::Result<()> {
    broadcast.gives_something("Rule")?;
    let mut types = broadcast.types.iter();
    match types.find(|data_type| quote!(#data_type).to_string().contains('&')) {
        Some(borrowed) => Err(syn::Error::new(
            borrowed.span(),
            "`broadcast` owns its arguments: `String`, not `&str`",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_cannot_be_a_function_is_refused_in_words() {
        let eval = quote!(
            fn eval(&mut self, call: &mut Call, x: f64) -> Option<f64> {
                None
            }
        );
        let refusals = [
            expand(
                quote!(),
                quote!(
                    struct Visits;
                ),
            ),
            expand(quote!(pure), quote!(impl Visits { #eval })),
            expand(quote!(), quote!(impl Visits<T> { #eval })),
            expand(quote!(), quote!(impl Visits {})),
            expand(
                quote!(),
                quote!(impl Visits { fn eval(x: f64) -> f64 { x } }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { fn eval(&mut self, (x, y): (f64, f64)) {} }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { fn eval(&mut self, x: f64) {} }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { #eval fn on_timer(&mut self, timer: &str, at: i64) {} }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { #eval fn on_timer(&mut self, call: &mut Call<Rules>) {} }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { #eval fn broadcast(&self) -> i64 { 0 } }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { #eval fn broadcast(name: &str) -> i64 { 0 } }),
            ),
            expand(
                quote!(),
                quote!(impl Visits { #eval fn broadcast(name: String) {} }),
            ),
        ];
        let refusals = refusals.map(|refused| refused.unwrap_err().to_string());
        expect![[r#"
            `#[process]` goes on the methods of a type: `impl Visits { … }`
            `#[process]` knows `name = "…"`, `description = "…"`, `columns(…, …)`, `side_outputs(…, …)` and `volatile`
            a type with `#[process]` is a plain one, with its own methods: its SQL types must be known; implement `wasmill_sdk::ProcessFunction` for another
            a `#[process]` type has `fn eval(&mut self, call: &mut Call, x: f64) -> …`
            `eval` is a method of a state: it takes `self`
            an argument needs a name, by which SQL knows it
            `eval` gives rows, or `on_timer` does: `-> Option<(String, i64)>`
            `on_timer` takes the timer's name: `fn on_timer(&mut self, call: &mut Call, timer: &str)`
            a `Call<B>` is of a broadcast table: `fn broadcast(name: String) -> …` makes something of each of its rows
            `broadcast` has no `self`
            `broadcast` owns its arguments: `String`, not `&str`
            `broadcast` gives something: `-> Rule`"#]].assert_eq(&refusals.join("\n"));
    }
}
