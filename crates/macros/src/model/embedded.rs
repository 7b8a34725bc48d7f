//! `#[embedded]`: a struct of columns.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Error, Fields, Ident, ItemStruct, Path, Result, Token, parse_quote};

use super::attributes::{Fill, Kind};
use super::input::{ByName, Faults, Field, Inside, argument, help, is_named, span_of, strip};
use super::{parts, row};
use crate::root;

/// Expands `#[embedded]`.
pub(crate) fn expand(arguments: &TokenStream, item: ItemStruct) -> TokenStream {
    let mut stripped = item.clone();
    strip(&mut stripped);
    let fields = match read(arguments, &item) {
        Ok(fields) => fields,
        // The struct stays, so that there are no further errors because it is not there.
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#stripped #error);
        }
    };
    let defaults = for_serde(&mut stripped, &fields);
    let derives = derives(&stripped);
    let debug = (!derived(&stripped.attrs, "Debug")).then(|| row::debug(&item.ident, &fields));
    let (columns, implementation) = (columns(&item, &fields), implementation(&item, &fields));
    quote! {
        #derives
        #stripped
        #columns
        #defaults
        const _: () = {
            #implementation
            #debug
        };
    }
}

/// What cannot be said above a field of a part.
pub(super) fn refuse(meta: &ParseNestedMeta<'_>) -> Result<()> {
    let Some(name) = meta.path.get_ident().map(Ident::to_string) else { return Ok(()) };
    Err(meta.error(match name.as_str() {
        "primary_key" => "a part is no key: say it above a field of the model",
        "generated" => "what the engine makes belongs to a model: say it above a field there",
        "encrypted" | "blind_index" | "reads_plain" => {
            "a value is sealed for its table, and a part has none: say it above a field of the model, which may be a \
             `Json` of what is to be sealed"
        }
        "version" | "deleted_at" | "tenant" | "created_at" | "updated_at" => {
            "this is of a whole row: say it above a field of the model"
        }
        _ => return Ok(()),
    }))
}

fn read(arguments: &TokenStream, item: &ItemStruct) -> Result<Vec<Field>> {
    let mut faults = Faults::default();
    if !arguments.is_empty() {
        let message = "above the struct, `#[embedded]` takes nothing; what the columns begin with is said above the model's field: \
                       `#[embedded(prefix = \"…\")]`";
        faults.add(Error::new_spanned(arguments, message));
    }
    if let Some(parameter) = item.generics.params.first() {
        faults.add(Error::new_spanned(parameter, "columns have types: this cannot be generic"));
    }
    for attribute in &item.attrs {
        let is = |name| attribute.path().is_ident(name);
        if is("index") || is("unique") || is("check") {
            let message =
                "a table has this: say it above the model, where a field of the part is `address.city`";
            faults.add(Error::new_spanned(attribute, message));
        }
    }
    let mut item = item.clone();
    // `Self` has no meaning beside the struct.
    ByName(item.ident.clone()).visit_fields_mut(&mut item.fields);
    let mut fields = Vec::new();
    match &item.fields {
        Fields::Named(named) if !named.named.is_empty() => {
            for field in &named.named {
                fields.extend(faults.take(Field::read(field, Inside::Part)));
            }
        }
        _ => faults.add(Error::new_spanned(&item.ident, "a struct of columns has fields with names")),
    }
    faults.end(fields)
}

/// Whether the code derives it already.
fn derived(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
        let list = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        list.is_ok_and(|list| {
            list.iter().any(|path| path.segments.last().is_some_and(|last| last.ident == name))
        })
    })
}

/// What every part can do, but for what the code derives itself.
fn derives(item: &ItemStruct) -> TokenStream {
    let serde = serde();
    let wanted = [
        ("Clone", quote!(::core::clone::Clone)),
        ("PartialEq", quote!(::core::cmp::PartialEq)),
        ("Serialize", quote!(#serde::Serialize)),
        ("Deserialize", quote!(#serde::Deserialize)),
    ];
    let missing = wanted.into_iter().filter(|(name, _)| !derived(&item.attrs, name)).map(|(_, path)| path);
    quote!(#[derive(#(#missing),*)])
}

/// Has serde leave out what is hidden, and fill in what has a default. Returns the functions that it calls for that.
fn for_serde(item: &mut ItemStruct, fields: &[Field]) -> Option<TokenStream> {
    let (ident, path) = (item.ident.clone(), serde().to_string());
    item.attrs.push(parse_quote!(#[serde(crate = #path)]));
    let mut functions = Vec::new();
    for (syntax, field) in item.fields.iter_mut().zip(fields) {
        if field.options.hidden {
            syntax.attrs.push(parse_quote!(#[serde(skip_serializing)]));
        }
        match &field.options.fill {
            Some(Fill::OfType) => syntax.attrs.push(parse_quote!(#[serde(default)])),
            Some(Fill::Expression(expression)) => {
                let (name, ty) = (quote::format_ident!("__default_{}", field.name()), &field.ty);
                let called = format!("{ident}::{name}");
                syntax.attrs.push(parse_quote!(#[serde(default = #called)]));
                let into = is_named(ty, &["String"]).then(|| quote!(::core::convert::Into::into));
                functions.push(quote! {
                    #[doc(hidden)]
                    fn #name() -> #ty {
                        #into(#expression)
                    }
                });
            }
            _ => {}
        }
    }
    (!functions.is_empty()).then(|| quote!(impl #ident { #(#functions)* }))
}

fn serde() -> TokenStream {
    let db = root::path("db");
    quote!(#db::__private::serde)
}

fn columns(item: &ItemStruct, fields: &[Field]) -> TokenStream {
    let db = root::path("db");
    let (vis, ident) = (&item.vis, &item.ident);
    let name = companion(ident);
    let doc = format!("The columns of a [`{ident}`] in a model, as the closures of a query get them.");
    let columns = fields.iter().map(|field| {
        let (vis, name, ty) = (&field.vis, &field.ident, &field.ty);
        let doc = format!("`{}`", field.name());
        let ty = match &field.kind {
            Kind::Embedded { part, optional, .. } => {
                let presence = if *optional { parts::presence(true) } else { quote!(P) };
                let span = span_of(part);
                let db = root::path_at("db", span);
                quote_spanned!(span=> #db::embedded::Part<M, #part, #presence>)
            }
            // What may be NULL by itself is no more so where the whole may be.
            _ if argument(ty, "Option").is_some() => quote!(#db::Column<M, #ty>),
            _ => quote!(#db::Column<M, P::Of<#ty>>),
        };
        quote!(#[doc = #doc] #vis #name: #ty)
    });
    let unused =
        says_no_presence(fields).then(|| quote!(__presence: ::core::marker::PhantomData<fn() -> P>,));
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #vis struct #name<M, P: #db::embedded::Presence = #db::embedded::Always> { #(#columns,)* #unused }
    }
}

/// Whether all of it may be NULL by itself, so that no column depends on whether the part is always there.
fn says_no_presence(fields: &[Field]) -> bool {
    fields.iter().all(|field| argument(&field.ty, "Option").is_some())
}

fn implementation(item: &ItemStruct, fields: &[Field]) -> TokenStream {
    let db = root::path("db");
    let ident = &item.ident;
    let (columns, name, help) = (companion(ident), ident.to_string(), help(&item.attrs));
    let statics = parts::of_embedded(fields);
    let (mut places, mut reads, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let (name, ty, at) = (&field.ident, &field.ty, parts::position(fields, field));
        match &field.kind {
            Kind::Embedded { part, optional, .. } => {
                let presence = parts::presence(*optional);
                let read = quote_spanned!(span_of(part)=> __db::embedded::read::<#presence, #part>);
                let add = quote_spanned! {span_of(part)=>
                    <#presence as __db::embedded::Presence>::into_values::<#part>
                };
                places.push(quote!(#name: __place.part(#at)));
                reads.push(quote!(#name: #read(__reader, __fields, #at)?));
                values.push(quote!(#add(self.#name, __values);));
            }
            _ => {
                let into_value = quote_spanned!(span_of(ty)=> <#ty as __db::Stored>::into_value);
                places.push(quote!(#name: __place.column(#at)));
                reads.push(quote!(#name: __db::row::Reader::field::<#ty>(__reader, &__fields[#at])?));
                values.push(quote!(__values.push(#into_value(self.#name));));
            }
        }
    }
    let unused = says_no_presence(fields).then(|| quote!(__presence: ::core::marker::PhantomData));
    places.extend(unused);
    quote! {
        use #db as __db;
        #statics

        impl<M, P: __db::embedded::Presence> ::core::clone::Clone for #columns<M, P> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<M, P: __db::embedded::Presence> ::core::marker::Copy for #columns<M, P> {}

        impl __db::embedded::Embedded for #ident {
            type Columns<M, P: __db::embedded::Presence> = #columns<M, P>;

            const META: &'static __db::meta::EmbeddedMeta =
                &__db::meta::EmbeddedMeta { name: #name, help: #help, fields: FIELDS, parts: PARTS };

            fn columns<M, P: __db::embedded::Presence>(__place: __db::embedded::Place) -> #columns<M, P> {
                #columns { #(#places),* }
            }

            fn read(
                __reader: &mut __db::row::Reader<'_>,
                __fields: &'static [__db::meta::FieldMeta],
            ) -> ::core::result::Result<Self, __db::DbError> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }

            fn into_values(self, __values: &mut ::std::vec::Vec<__db::Value>) {
                #(#values)*
            }
        }
    }
}

fn companion(ident: &Ident) -> Ident {
    quote::format_ident!("{ident}Fields")
}
