//! The methods of a type with an attribute, taken apart: what `#[aggregate]` and `#[process]` share.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{
    FnArg, GenericArgument, ImplItem, ImplItemFn, ItemImpl, Pat, PathArguments, PathSegment,
    ReturnType, Type,
};

use crate::function::{Attribute, plain, without_lifetimes};

/// A function of a type.
pub struct Method<'a> {
    pub written: &'a ImplItemFn,
    /// Of the arguments behind `self`.
    pub names: Vec<String>,
    pub types: Vec<Type>,
}

impl<'a> Method<'a> {
    /// The method of this name, if there is one.
    pub fn of(group: &'a ItemImpl, name: &str, of: &str) -> syn::Result<Option<Self>> {
        let Some(written) = written(group, name) else {
            return Ok(None);
        };
        if !matches!(written.sig.inputs.first(), Some(FnArg::Receiver(_))) {
            let message = format!("`{name}` is a method of {of}: it takes `self`");
            return Err(syn::Error::new(written.sig.span(), message));
        }
        Self::parse(written).map(Some)
    }

    /// The function of this name that has no `self`, if there is one.
    pub fn without_self(group: &'a ItemImpl, name: &str) -> syn::Result<Option<Self>> {
        let Some(written) = written(group, name) else {
            return Ok(None);
        };
        if let Some(FnArg::Receiver(receiver)) = written.sig.inputs.first() {
            let message = format!("`{name}` has no `self`");
            return Err(syn::Error::new(receiver.span(), message));
        }
        Self::parse(written).map(Some)
    }

    fn parse(written: &'a ImplItemFn) -> syn::Result<Self> {
        let mut method = Self {
            written,
            names: Vec::new(),
            types: Vec::new(),
        };
        for input in &written.sig.inputs {
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
        Ok(method)
    }

    /// Whether it gives what is written as an `Option`.
    pub fn gives_an_option(&self) -> bool {
        match &self.written.sig.output {
            ReturnType::Type(_, output) => {
                last_segment(output).is_some_and(|last| last.ident == "Option")
            }
            ReturnType::Default => false,
        }
    }

    /// Whether it gives more than `()` or a `Result<(), E>`.
    pub fn gives(&self) -> bool {
        let nothing = |data_type: &Type| match data_type {
            Type::Tuple(tuple) => tuple.elems.is_empty(),
            _ => false,
        };
        let ReturnType::Type(_, output) = &self.written.sig.output else {
            return false;
        };
        let result = last_segment(output).filter(|segment| segment.ident == "Result");
        let done = match result.map(|segment| &segment.arguments) {
            Some(PathArguments::AngleBracketed(arguments)) => arguments.args.first(),
            _ => None,
        };
        !nothing(output) && !matches!(done, Some(GenericArgument::Type(done)) if nothing(done))
    }

    pub fn gives_something(&self, written: &str) -> syn::Result<()> {
        if matches!(self.written.sig.output, ReturnType::Type(..)) {
            return Ok(());
        }
        let name = &self.written.sig.ident;
        let message = format!("`{name}` gives something: `-> {written}`");
        Err(syn::Error::new(self.written.sig.span(), message))
    }
}

fn written<'a>(group: &'a ItemImpl, name: &str) -> Option<&'a ImplItemFn> {
    group.items.iter().find_map(|item| match item {
        ImplItem::Fn(method) if method.sig.ident == name => Some(method),
        _ => None,
    })
}

/// What is called a row each becomes a part of its loop.
pub fn inline(group: &mut ItemImpl, names: &[&str]) {
    for item in &mut group.items {
        if let ImplItem::Fn(method) = item
            && names.iter().any(|name| method.sig.ident == name)
            && !method
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("inline"))
        {
            method.attrs.push(syn::parse_quote!(#[inline(always)]));
        }
    }
}

/// The name of the type that has the methods.
pub fn type_name<'a>(attribute: &Attribute, group: &'a ItemImpl) -> syn::Result<&'a Ident> {
    let plain = group.trait_.is_none() && group.generics.params.is_empty();
    match &*group.self_ty {
        Type::Path(path) if plain && path.qself.is_none() => {
            if let Some(name) = path.path.get_ident() {
                return Ok(name);
            }
        }
        _ => {}
    }
    let Attribute { name, by_hand, .. } = attribute;
    Err(syn::Error::new(
        group.self_ty.span(),
        format!(
            "a type with `#[{name}]` is a plain one, with its own methods: its SQL types must be \
             known; implement `wasmill_sdk::{by_hand}` for another"
        ),
    ))
}

/// `WeightedMean` as SQL has it: `weighted_mean`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

/// `Option<f64>` of `std::option::Option<f64>`; none of what is no path.
pub fn last_segment(data_type: &Type) -> Option<&PathSegment> {
    match data_type {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_sql() {
        assert_eq!(snake_case("WeightedMean"), "weighted_mean");
        assert_eq!(snake_case("mean"), "mean");
    }
}
