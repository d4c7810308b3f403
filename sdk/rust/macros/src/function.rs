//! A function with an attribute, taken apart: what `#[scalar]` and `#[table]` share.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, GenericParam, ItemFn, Lifetime, Pat, ReturnType, Type, TypeReference};

use crate::options::{Options, documentation};

/// Arguments that `ArgumentList` is implemented for.
pub const MOST_ARGUMENTS: usize = 16;

/// An attribute, in words.
pub struct Attribute {
    pub name: &'static str,
    /// The trait that is implemented where the attribute is not enough.
    pub by_hand: &'static str,
    /// What the function returns, and how that is written.
    pub returns: (&'static str, &'static str),
    /// Whether `columns(…)` may stand in its brackets.
    pub has_columns: bool,
    /// Whether `side_outputs(…)` may.
    pub has_side_outputs: bool,
    /// All that may stand there.
    pub options: &'static str,
}

/// A function with an attribute.
pub struct Function {
    pub item: ItemFn,
    pub options: Options,
    pub sql_name: String,
    description: String,
    names: Vec<String>,
    pub types: Vec<Type>,
    /// As it is written, lifetimes left to the compiler.
    pub output: Type,
}

impl Function {
    pub fn parse(
        attribute: &Attribute,
        options: TokenStream,
        item: TokenStream,
    ) -> syn::Result<Self> {
        let item: ItemFn = syn::parse2(item).map_err(|error| {
            let name = attribute.name;
            syn::Error::new(
                error.span(),
                format!("`#[{name}]` goes on a plain function: `fn name(…) -> …`"),
            )
        })?;
        let options = Options::parse(attribute, options)?;
        let Arguments { names, types } = Arguments::of(attribute, &item)?;
        let output = output(attribute, &item)?;
        let sql_name = match &options.name {
            Some(name) => name.value(),
            None => plain(&item.sig.ident),
        };
        let description = match &options.description {
            Some(description) => description.value(),
            None => documentation(&item.attrs),
        };
        Ok(Self {
            item,
            options,
            sql_name,
            description,
            names,
            types,
            output,
        })
    }

    pub fn ident(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// A name for each argument.
    pub fn variables(&self) -> Vec<Ident> {
        let arguments = 0..self.types.len();
        arguments
            .map(|index| format_ident!("argument_{index}"))
            .collect()
    }

    /// The arguments' types, as a tuple.
    pub fn list(&self) -> TokenStream {
        let types = &self.types;
        quote!((#(#types,)*))
    }

    /// Its signature, without what it returns.
    pub fn signature(&self) -> TokenStream {
        let (name, description) = (&self.sql_name, &self.description);
        let fields = self.names.iter().zip(&self.types).map(|(name, argument)| {
            // At the argument's own place, so that the compiler points there.
            quote_spanned! {argument.span()=>
                ::wasmill_sdk::Field::new(#name, <#argument as ::wasmill_sdk::Argument<'_>>::data_type())
            }
        });
        let volatile = self.options.volatile.then(|| quote!(.volatile()));
        quote! {
            ::wasmill_sdk::Signature::new(#name)
                .description(#description)
                .arguments(::wasmill_sdk::Arguments::Exact(::std::vec![#(#fields),*]))
                #volatile
        }
    }

    /// The function as it was, and beside it a type of its name, registered, with these items about it.
    pub fn with_type(&self, items: TokenStream) -> TokenStream {
        let (function, name, visibility) = (&self.item, self.ident(), &self.item.vis);
        let documentation = format!("[`{name}()`] as a wasmill function.");
        quote! {
            #function

            #[doc = #documentation]
            #[allow(non_camel_case_types)]
            #visibility struct #name {}

            ::wasmill_sdk::plugin!(#name);

            const _: () = {
                #items
            };
        }
    }

    /// Arguments' types as they are written.
    pub fn declared_types(&self) -> impl Iterator<Item = &Type> {
        let inputs = self.item.sig.inputs.iter();
        inputs.filter_map(|input| match input {
            FnArg::Typed(input) => Some(&*input.ty),
            FnArg::Receiver(_) => None,
        })
    }
}

/// What `open` is where nothing is to be opened.
pub fn open() -> TokenStream {
    quote! {
        fn open(
            _context: &::wasmill_sdk::OpenContext,
        ) -> ::core::result::Result<Self, ::wasmill_sdk::Error> {
            ::core::result::Result::Ok(Self {})
        }
    }
}

/// An identifier without the `r#` of a keyword.
pub fn plain(identifier: &Ident) -> String {
    identifier.to_string().trim_start_matches("r#").to_string()
}

/// Names and types, lifetimes left to the compiler.
struct Arguments {
    names: Vec<String>,
    types: Vec<Type>,
}

impl Arguments {
    fn of(attribute: &Attribute, function: &ItemFn) -> syn::Result<Self> {
        let signature = &function.sig;
        let Attribute { name, by_hand, .. } = attribute;
        let plain_function = |span: Span, what: &str| {
            Err(syn::Error::new(
                span,
                format!("a `#[{name}]` function cannot be {what}"),
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
                "a `#[{name}]` function takes at most {MOST_ARGUMENTS} arguments; \
                 implement `wasmill_sdk::{by_hand}` for more"
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
                    format!(
                        "a `#[{name}]` function has no `self`; implement \
                         `wasmill_sdk::{by_hand}` for a function with a state"
                    ),
                ));
            };
            let Pat::Ident(argument) = &*input.pat else {
                return Err(syn::Error::new(
                    input.pat.span(),
                    "an argument needs a name, by which SQL knows it",
                ));
            };
            arguments.names.push(plain(&argument.ident));
            arguments.types.push(without_lifetimes(&input.ty));
        }
        Ok(arguments)
    }
}

fn output(attribute: &Attribute, function: &ItemFn) -> syn::Result<Type> {
    let Attribute { name, returns, .. } = attribute;
    match &function.sig.output {
        ReturnType::Type(_, output) => Ok(without_lifetimes(output)),
        ReturnType::Default => Err(syn::Error::new(
            function.sig.paren_token.span.close(),
            format!(
                "a `#[{name}]` function returns {}: `-> {}`",
                returns.0, returns.1
            ),
        )),
    }
}

/// The type with `'_` for every lifetime that is named.
pub fn without_lifetimes(original: &Type) -> Type {
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
    use super::*;

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
