//! Relations without a column of their own: other fields have the key.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Type};

use super::attributes::Kind;
use super::companions::doc_of;
use super::input::{Field, Model, span_of};
use crate::root;

/// A relation whose key other fields have.
pub(super) struct ByFields<'a> {
    field: &'a Field,
    target: &'a Type,
    parts: Vec<(&'a Ident, &'a Type)>,
    named: &'a [Ident],
    relation: usize,
}

impl<'a> ByFields<'a> {
    pub(super) fn of(model: &'a Model, field: &'a Field) -> Option<Self> {
        let Kind::ByFields { target, fields: named, .. } = &field.kind else { return None };
        let part = |name: &Ident| model.stored().find(|other| other.ident == *name);
        let parts = named.iter().filter_map(part).map(|field| (&field.ident, &field.ty)).collect();
        Some(Self { field, target, parts, named, relation: model.relation_position(field) })
    }

    /// Makes the key: once, so that the compiler says once what does not fit.
    pub(super) fn function(&self) -> TokenStream {
        let (name, target) = (self.name(), self.target);
        let (parts, types): (Vec<_>, Vec<_>) = self.parts.iter().copied().unzip();
        let named = self.named;
        let key = if let [only] = named { quote!(#only) } else { quote!((#(#named),*)) };
        let key = quote_spanned!(span_of(target)=> __db::Key::<#target>::new(#key));
        quote! {
            fn #name(#(#parts: &#types),*) -> ::core::option::Option<__db::Key<#target>> {
                #(let #named = __db::relation::KeyPart::part(#named)?;)*
                ::core::option::Option::Some(#key)
            }
        }
    }

    pub(super) fn read(&self) -> TokenStream {
        let (name, function, relation) = (&self.field.ident, self.name(), self.relation);
        let parts = self.parts.iter().map(|(part, _)| part);
        quote!(let #name = __db::relation::ByFields::of(&RELATIONS[#relation], #function(#(&#parts),*))?;)
    }

    pub(super) fn reload(&self) -> TokenStream {
        let (name, function, relation) = (&self.field.ident, self.name(), self.relation);
        let parts = self.parts.iter().map(|(part, _)| part);
        quote! {
            __db::relation::ByFields::follow(
                &mut self.#name,
                &RELATIONS[#relation],
                #function(#(&self.#parts),*),
            )?;
        }
    }

    fn name(&self) -> Ident {
        format_ident!("__key_of_{}", self.field.name())
    }
}

/// Sets the fields that have a relation's key, all at once.
pub(super) fn setter(model: &Model, field: &Field) -> Option<TokenStream> {
    let Kind::ByFields { target, fields, .. } = &field.kind else { return None };
    let (ty, key) = type_of(field)?;
    let db = root::path("db");
    let (vis, name, doc) = (&model.vis, &field.ident, doc_of(field));
    let positions = model.positions(fields);
    Some(quote! {
        #[doc = #doc]
        #[must_use]
        #vis fn #name(mut self, value: #ty) -> Self {
            let value: #key = ::core::convert::Into::into(value);
            #db::write::Assignments::set_reference::<#target>(
                &mut self.0,
                &[#(#positions),*],
                ::core::convert::Into::into(value),
            );
            self
        }
    })
}

/// What the setter of a relation by fields takes, and what it is made into.
pub(super) fn type_of(field: &Field) -> Option<(TokenStream, TokenStream)> {
    let Kind::ByFields { target, nullable, .. } = &field.kind else { return None };
    let db = root::path("db");
    let key = quote!(#db::Key<#target>);
    let key = if *nullable { quote!(::core::option::Option<#key>) } else { key };
    Some((quote!(impl ::core::convert::Into<#key>), key))
}
