//! Attribute macros of wasmill-sdk.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod options;
mod scalar;

use proc_macro::TokenStream;

/// Makes a wasmill function of a plain one, which the plugin offers from then on:
/// `use wasmill_sdk::scalar;`.
///
/// The function keeps working as it is; beside it comes a type of the same name that implements
/// `wasmill_sdk::ScalarFunction`. Its SQL name, its arguments' names and its description (the doc
/// comment) are those of the function, unless said otherwise:
/// `#[scalar(name = "…", description = "…", volatile)]`. `volatile` says that the same arguments
/// may give another result.
#[proc_macro_attribute]
pub fn scalar(attribute: TokenStream, item: TokenStream) -> TokenStream {
    scalar::expand(attribute.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
