//! `#[field(encrypted)]`: what may be said of such a field, what does not go with it, and what becomes of it in the metadata.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::{Error, Ident, Result, Token};

use super::attributes::{Fill, Kind, Options};
use super::input::{Field, span_of};

/// How a field is sealed.
pub(crate) struct Encrypted {
    /// By what it is looked up.
    pub(crate) blind_index: Option<Form>,
    /// What is not sealed yet is read as it is.
    pub(crate) reads_plain: bool,
    span: Span,
}

impl Encrypted {
    pub(super) fn at(span: Span) -> Self {
        Self { blind_index: None, reads_plain: false, span }
    }
}

/// The form of a value that is looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Exact,
    Lowercase,
}

impl Options {
    /// What is said of how a field is sealed.
    pub(super) fn encryption(&mut self, meta: &ParseNestedMeta<'_>, name: &str) -> Result<()> {
        let Some(encrypted) = &mut self.encrypted else {
            return Err(meta.error(format!("this is of an encrypted field: `#[field(encrypted, {name})]`")));
        };
        if name == "reads_plain" {
            encrypted.reads_plain = true;
            return Ok(());
        }
        encrypted.blind_index = Some(Form::Exact);
        if meta.input.peek(Token![=]) {
            let form: Ident = meta.value()?.parse()?;
            if form != "lowercase" {
                return Err(Error::new_spanned(form, "expected `lowercase`, or no more than `blind_index`"));
            }
            encrypted.blind_index = Some(Form::Lowercase);
        }
        Ok(())
    }

    /// What does not go with a value that the engine never sees.
    pub(super) fn check_encrypted(&self, kind: &Kind) -> Result<()> {
        let Some(encrypted) = &self.encrypted else { return Ok(()) };
        let message = if !matches!(kind, Kind::Column) {
            "a relation is followed by the engine, which cannot read what is sealed"
        } else if self.primary_key {
            "a primary key cannot be encrypted: a row is found by it, and referred to"
        } else if self.unique && encrypted.blind_index.is_none() {
            "what is sealed looks different each time: to be unique, the field needs a blind index, \
             `#[field(encrypted, blind_index, unique)]`"
        } else if self.index {
            "an index of what is sealed finds nothing: `#[field(encrypted, blind_index)]` makes one of digests"
        } else if self.searchable {
            "the engine cannot search what is sealed"
        } else if self.check.is_some() {
            "the engine cannot check what is sealed: `min`, `max` and lengths are checked before it is, and hooks can do more"
        } else if self.computed.is_some() || matches!(self.fill, Some(Fill::Database(_))) {
            "what the engine makes is not sealed: make the value in Rust"
        } else if self.version || self.deleted_at || matches!(self.fill, Some(Fill::Generated)) {
            "the engine reckons with this, and cannot with what is sealed"
        } else {
            return Ok(());
        };
        Err(Error::new(encrypted.span, message))
    }
}

/// How it is sealed. What does not go with its type is said at the type.
pub(super) fn calls(field: &Field) -> Option<TokenStream> {
    let encrypted = field.options.encrypted.as_ref()?;
    let span = span_of(&field.ty);
    let mut calls = quote_spanned!(span=> .encrypted());
    if let Some(form) = encrypted.blind_index {
        let form = match form {
            Form::Exact => quote!(Exact),
            Form::Lowercase => quote!(Lowercase),
        };
        calls.extend(quote_spanned!(span=> .looked_up(__db::meta::Form::#form)));
    }
    if encrypted.reads_plain {
        calls.extend(quote!(.reads_plain()));
    }
    Some(calls)
}

/// The column with the digests of the field at `position`.
pub(super) fn blind_index(field: &Field, position: &TokenStream) -> TokenStream {
    let (name, column) = (field.name(), format!("{}_index", field.column()));
    let kind = if field.options.unique { quote!(unique) } else { quote!(index) };
    let renamed = field.renamed_from().map(|before| {
        let before = format!("{before}_index");
        quote!(.renamed_from(#before))
    });
    quote!(__db::meta::FieldMeta::blind_index(#name, #column, #position).#kind() #renamed)
}
