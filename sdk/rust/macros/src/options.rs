//! What is written in the attribute's brackets.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::parse::Parser;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token};

use crate::function::{Attribute, plain};

/// The options of `#[scalar(…)]` and its like.
#[derive(Default)]
pub struct Options {
    pub name: Option<LitStr>,
    pub description: Option<LitStr>,
    pub volatile: bool,
    /// Names, as text.
    pub columns: Vec<LitStr>,
    /// Statics.
    pub side_outputs: Vec<Path>,
}

impl Options {
    pub fn parse(attribute: &Attribute, written: TokenStream) -> syn::Result<Self> {
        let mut options = Self::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("description") {
                options.description = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("volatile") {
                options.volatile = true;
            } else if meta.path.is_ident("columns") && attribute.has_columns {
                let names;
                syn::parenthesized!(names in meta.input);
                for name in names.parse_terminated(Ident::parse_any, Token![,])? {
                    options
                        .columns
                        .push(LitStr::new(&plain(&name), name.span()));
                }
            } else if meta.path.is_ident("side_outputs") && attribute.has_side_outputs {
                let statics;
                syn::parenthesized!(statics in meta.input);
                options
                    .side_outputs
                    .extend(statics.parse_terminated(Path::parse_mod_style, Token![,])?);
            } else {
                let (name, known) = (attribute.name, attribute.options);
                return Err(meta.error(format!("`#[{name}]` knows {known}")));
            }
            Ok(())
        });
        parser.parse2(written)?;
        Ok(options)
    }
}

/// The text of a doc comment: lines of a paragraph are joined.
pub fn documentation(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(line),
                ..
            }) if pair.path.is_ident("doc") => Some(line.value().trim().to_string()),
            _ => None,
        }
    });
    let mut text = String::new();
    for line in lines {
        match (text.is_empty() || text.ends_with('\n'), line.is_empty()) {
            (false, false) => text.push(' '),
            (false, true) => text.push('\n'),
            _ => {}
        }
        text.push_str(&line);
    }
    text.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_becomes_paragraphs() {
        let function: syn::ItemFn = syn::parse_quote! {
            /// The distance between two places,
            /// in metres.
            ///
            /// On a sphere.
            #[inline]
            fn distance() {}
        };
        assert_eq!(
            documentation(&function.attrs),
            "The distance between two places, in metres.\nOn a sphere."
        );
    }
}
