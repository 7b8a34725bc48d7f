//! The tables between that many-to-many relations make: metadata without a struct.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Type};

use super::attributes::{Kind, Through};
use super::input::{Field, Model, span_of};
use super::names;

/// The metadata of the table between, if the relation makes one.
pub(crate) fn statics(model: &Model, field: &Field) -> Option<TokenStream> {
    let Kind::ManyToMany { target, through: Through::Own { table } } = &field.kind else { return None };
    let link = name(field);
    let (fields, relations) = (format_ident!("{link}_FIELDS"), format_ident!("{link}_RELATIONS"));
    let owner = &model.ident;
    let called = format!("{owner}{}", names::pascal(&field.name()));
    let table =
        table.clone().unwrap_or_else(|| format!("{}_{}", names::snake(&owner.to_string()), field.name()));
    let [from, to] = sides(model, target);
    let (from_column, to_column) = (format!("{from}_id"), format!("{to}_id"));
    let (from_label, to_label) = (names::label(&from), names::label(&to));
    let owner_key = quote!(__db::meta::FieldMeta::of::<__db::Key<#owner>>);
    let target_key = quote_spanned!(span_of(target)=> __db::meta::FieldMeta::of::<__db::Key<#target>>);
    Some(quote! {
        static #fields: [__db::meta::FieldMeta; 2] = [
            #owner_key(#from, #from_column).described(#from_label, ""),
            #target_key(#to, #to_column).described(#to_label, ""),
        ];
        static #relations: [__db::meta::RelationMeta; 2] = [
            __db::meta::RelationMeta::of_link::<#owner>(#from, || &#link, &[0]),
            __db::meta::RelationMeta::of_link::<#target>(#to, || &#link, &[1]),
        ];
        static #link: __db::meta::ModelMeta = __db::meta::ModelMeta::link(
            #called,
            #table,
            (&#fields, &#relations),
            ::core::concat!(::core::file!(), ":", ::core::line!()),
        );
    })
}

/// The name of the static.
pub(crate) fn name(field: &Field) -> Ident {
    format_ident!("LINK_{}", field.name().to_uppercase())
}

/// What the table between calls the two: the model that has the relation, and the one that it leads to.
pub(crate) fn sides(model: &Model, target: &Type) -> [String; 2] {
    let (owner, target) = (names::snake(&model.ident.to_string()), names::snake(&last(target)));
    if owner == target { [format!("from_{owner}"), format!("to_{target}")] } else { [owner, target] }
}

/// The same, seen from the other side; only a model that is related to itself has to tell the two apart.
pub(crate) fn other_sides(model: &Model, target: &Type) -> [Option<String>; 2] {
    if model.ident == last(target) { sides(model, target).map(Some) } else { [None, None] }
}

/// The name of a type, without its module.
fn last(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}
