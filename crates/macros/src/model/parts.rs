//! Parts in a model, and in one another: where their columns are, and how their metadata becomes that of what has them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::attributes::Kind;
use super::input::{Field, span_of};
use super::{encryption, meta, names};
use crate::root;

/// Where the column of a field is, or the first of the columns of a part: a number, to which the widths of the parts before it
/// are added when the program is compiled.
pub(super) fn position(fields: &[Field], field: &Field) -> TokenStream {
    width(fields.iter().take_while(|other| other.ident != field.ident))
}

/// How many columns these fields have.
pub(super) fn width<'a>(fields: impl IntoIterator<Item = &'a Field>) -> TokenStream {
    let (db, mut columns, mut widths) = (root::path("db"), 0_usize, Vec::new());
    for field in fields.into_iter().filter(|field| field.is_stored()) {
        match &field.kind {
            Kind::Embedded { part, .. } => {
                widths.push(quote_spanned!(span_of(part)=> #db::embedded::width::<#part>()));
            }
            _ => columns += 1,
        }
    }
    quote!(#columns #(+ #widths)*)
}

/// Positions as a list that is there for good.
pub(super) fn constant(fields: &[Field], positions: &[TokenStream]) -> TokenStream {
    let list = quote!(&[#(#positions),*]);
    if has_parts(fields) { quote!(const { #list }) } else { list }
}

/// Whether a part is always there.
pub(crate) fn presence(optional: bool) -> TokenStream {
    let db = root::path("db");
    if optional { quote!(#db::embedded::Maybe) } else { quote!(#db::embedded::Always) }
}

fn has_parts(fields: &[Field]) -> bool {
    fields.iter().any(|field| matches!(field.kind, Kind::Embedded { .. }))
}

/// `FIELDS` and `PARTS` of a model.
pub(super) fn of_model(fields: &[Field]) -> TokenStream {
    let indexes = fields.iter().filter(|field| field.has_blind_index());
    let indexes: Vec<_> =
        indexes.map(|field| encryption::blind_index(field, &position(fields, field))).collect();
    if has_parts(fields) {
        let parts = parts(fields, &indexes);
        return quote! {
            #parts
            static FIELDS: [__db::meta::FieldMeta; __db::meta::part::width(ENTRIES)] =
                __db::meta::part::fields(ENTRIES, NAMES);
        };
    }
    let fields = fields.iter().filter(|field| field.is_stored()).map(meta::field);
    let fields: Vec<_> = fields.chain(indexes).collect();
    let count = fields.len();
    quote! {
        const PARTS: &[__db::meta::PartMeta] = &[];
        static FIELDS: [__db::meta::FieldMeta; #count] = [#(#fields),*];
    }
}

/// `FIELDS` and `PARTS` of a struct of columns: constants, since other constants are made of them.
pub(super) fn of_embedded(fields: &[Field]) -> TokenStream {
    if has_parts(fields) {
        let parts = parts(fields, &[]);
        return quote! {
            #parts
            const FIELDS: &[__db::meta::FieldMeta] =
                &__db::meta::part::fields::<{ __db::meta::part::width(ENTRIES) }>(ENTRIES, NAMES);
        };
    }
    let fields = fields.iter().map(meta::field);
    quote! {
        const PARTS: &[__db::meta::PartMeta] = &[];
        const FIELDS: &[__db::meta::FieldMeta] = &[#(#fields),*];
    }
}

/// What there is, with parts not yet taken apart, and the names that their fields are to have. `indexes` stand at the end.
fn parts(fields: &[Field], indexes: &[TokenStream]) -> TokenStream {
    let (mut parts, mut plain, mut entries, mut checks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for field in fields.iter().filter(|field| field.is_stored()) {
        match &field.kind {
            Kind::Embedded { .. } => {
                let at = parts.len();
                parts.push(part(fields, field));
                checks.extend(check(field));
                entries.push(quote!(__db::meta::part::Entry::Part(&PARTS[#at])));
            }
            _ => {
                let at = plain.len();
                plain.push(meta::field(field));
                entries.push(quote!(__db::meta::part::Entry::Field(&PLAIN[#at])));
            }
        }
    }
    for index in indexes {
        let at = plain.len();
        plain.push(index.clone());
        entries.push(quote!(__db::meta::part::Entry::Field(&PLAIN[#at])));
    }
    quote! {
        #(#checks)*
        const PARTS: &[__db::meta::PartMeta] = &[#(#parts),*];
        const PLAIN: &[__db::meta::FieldMeta] = &[#(#plain),*];
        const ENTRIES: &[__db::meta::part::Entry] = &[#(#entries),*];
        const NAMES: &[u8] = &__db::meta::part::names::<{ __db::meta::part::letters(ENTRIES) }>(ENTRIES);
    }
}

fn part(fields: &[Field], field: &Field) -> TokenStream {
    let Kind::Embedded { part, optional, .. } = &field.kind else { return TokenStream::new() };
    let (name, prefix, first) = (field.name(), field.prefix(), position(fields, field));
    let (label, help) = (names::label(&name), &field.help);
    let new = quote_spanned!(span_of(part)=> __db::meta::PartMeta::new::<#part>);
    let mut calls = quote!(#new(#name, #prefix, #first).described(#label, #help));
    let options = &field.options;
    let flags = [
        (*optional, quote!(.optional())),
        (options.hidden, quote!(.hidden())),
        (options.read_only, quote!(.read_only())),
        (options.searchable, quote!(.searchable())),
    ];
    calls.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, call)| call));
    if let Some(prefix) = field.renamed_from() {
        calls.extend(quote!(.renamed_from(#prefix)));
    }
    calls
}

/// A part that may be left out can be told from one that is there.
fn check(field: &Field) -> Option<TokenStream> {
    let Kind::Embedded { part, optional: true, .. } = &field.kind else { return None };
    let message = format!(
        "every column of `{}` may be NULL, so that a part which is there could not be told from none: give it a field that is \
         no `Option`, or leave the `Option` around it out",
        field.name()
    );
    Some(quote_spanned! {span_of(part)=>
        const _: () = ::core::assert!(<#part as __db::embedded::Embedded>::META.shows(), #message);
    })
}

/// The values of all fields, where `values` are those of each that is a column by itself.
pub(super) fn values(fields: &[Field], values: Vec<TokenStream>) -> TokenStream {
    // A digest is the database's to say.
    let digests = fields.iter().filter(|field| field.has_blind_index()).map(|_| quote!(__db::Value::Null));
    let digests: Vec<_> = digests.collect();
    if !has_parts(fields) {
        return quote!(::std::vec![#(#values,)* #(#digests),*]);
    }
    let mut values = values.into_iter();
    let pushes = fields.iter().filter(|field| field.is_stored()).filter_map(|field| {
        if let Kind::Embedded { part, optional, .. } = &field.kind {
            let (name, presence) = (&field.ident, presence(*optional));
            let add = quote_spanned! {span_of(part)=>
                <#presence as __db::embedded::Presence>::into_values::<#part>
            };
            return Some(quote!(#add(::core::clone::Clone::clone(&self.#name), &mut __values);));
        }
        values.next().map(|value| quote!(__values.push(#value);))
    });
    quote! {
        let mut __values = ::std::vec::Vec::with_capacity(FIELDS.len());
        #(#pushes)*
        #(__values.push(#digests);)*
        __values
    }
}
