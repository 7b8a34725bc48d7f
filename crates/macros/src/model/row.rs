//! From rows to the struct and back: `Model`, `Serialize`, `Debug`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::attributes::Kind;
use super::by_fields::ByFields;
use super::input::{Field, Model, span_of};
use super::parts;

pub(crate) fn implementation(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let (columns, change) = (model.companion("", "Fields"), model.companion("", "Change"));
    let draft = model.companion("", "Draft");
    let keys: Vec<&Field> = model.stored().filter(|field| field.options.primary_key).collect();
    let key_types: Vec<_> = keys.iter().map(|field| stored_type(field)).collect();
    let key_type = if let [only] = &*key_types { only.clone() } else { quote!((#(#key_types),*)) };
    let key_values: Vec<_> = keys
        .iter()
        .map(|field| {
            let name = &field.ident;
            match field.kind {
                Kind::BelongsTo { .. } => quote!(self.#name.key()),
                _ => quote!(::core::clone::Clone::clone(&self.#name)),
            }
        })
        .collect();
    let key_value = if let [only] = &*key_values { only.clone() } else { quote!((#(#key_values),*)) };
    let by_fields: Vec<ByFields<'_>> =
        model.fields.iter().filter_map(|field| ByFields::of(model, field)).collect();
    let key_functions = by_fields.iter().map(ByFields::function);

    let in_scope = model.fields.iter().map(|field| column(model, field));
    let mut reads = Vec::new();
    let mut reloads = Vec::new();
    let mut values = Vec::new();
    for field in model.stored() {
        let (name, index) = (&field.ident, model.position(field));
        if let Kind::Embedded { part, optional, .. } = &field.kind {
            let presence = parts::presence(*optional);
            let read = quote_spanned!(span_of(part)=> __db::embedded::read::<#presence, #part>);
            let read = quote!(#read(__reader, &FIELDS, #index)?);
            reads.push(quote!(let #name = #read;));
            reloads.push(quote!(self.#name = #read;));
        } else if matches!(field.kind, Kind::BelongsTo { .. }) {
            let relation = model.relation_position(field);
            reads.push(
                quote!(let #name = __db::relation::ToOneField::read(__reader, &RELATIONS[#relation])?;),
            );
            reloads.push(quote! {
                __db::relation::ToOneField::reload(&mut self.#name, __reader, &RELATIONS[#relation])?;
            });
            values.push(quote!(__db::relation::ToOneField::value(&self.#name)));
        } else {
            // The type is named wherever it has to be storable: if it is not, the compiler says so once, and there.
            let ty = &field.ty;
            let read = match field.options.encrypted {
                Some(_) => quote!(__db::row::Reader::encrypted::<#ty>(__reader, &META, #index)),
                None => quote!(__db::row::Reader::field::<#ty>(__reader, &FIELDS[#index])),
            };
            let value = quote!(<#ty as __db::Stored>::into_value(::core::clone::Clone::clone(&self.#name)));
            reads.push(quote!(let #name = #read?;));
            reloads.push(quote!(self.#name = #read?;));
            values.push(value);
        }
    }
    let digests = model.blind_indexes().count();
    if digests > 0 {
        reads.push(quote!(__db::row::Reader::skip(__reader, #digests);));
        reloads.push(quote!(__db::row::Reader::skip(__reader, #digests);));
    }
    reads.extend(by_fields.iter().map(ByFields::read));
    reloads.extend(by_fields.iter().map(ByFields::reload));
    let from_elsewhere =
        model.relations().filter(|field| !field.is_stored() && !matches!(field.kind, Kind::ByFields { .. }));
    let owner_key = keys.iter().map(|field| {
        let name = &field.ident;
        match field.kind {
            Kind::BelongsTo { .. } => quote!(__db::relation::BelongsTo::key(&#name)),
            _ => quote!(::core::clone::Clone::clone(&#name)),
        }
    });
    let owner_key: Vec<_> = owner_key.collect();
    let owner_key = if let [only] = &*owner_key { only.clone() } else { quote!((#(#owner_key),*)) };
    for (number, field) in from_elsewhere.enumerate() {
        if number == 0 {
            reads.push(quote!(let __owner = __db::Key::<Self>::whole(__db::Key::new(#owner_key));));
        }
        let (name, position) = (&field.ident, model.relation_position(field));
        let kind = match field.kind {
            Kind::HasOne { .. } => quote!(HasOne),
            Kind::HasMany { .. } => quote!(HasMany),
            _ => quote!(ManyToMany),
        };
        reads.push(quote! {
            let #name = __db::relation::#kind::new(
                &RELATIONS[#position],
                ::core::clone::Clone::clone(&__owner),
            );
        });
    }
    let names = model.fields.iter().map(|field| &field.ident);
    let values = parts::values(&model.fields, values);
    let version = model.stored().find(|field| field.options.version).map(|field| {
        let name = &field.ident;
        quote! {
            fn version(&self) -> ::core::option::Option<i64> {
                ::core::option::Option::Some(::core::convert::Into::into(self.#name))
            }
        }
    });
    let hooks = model.hooks.then(|| {
        let hooks =
            quote_spanned!(ident.span()=> __db::hooks::HooksOf::<#ident>(::core::marker::PhantomData));
        quote! {
            fn hooks() -> ::core::option::Option<&'static dyn __db::hooks::Hooked<Self>> {
                ::core::option::Option::Some(&#hooks)
            }
        }
    });
    let soft_delete = model
        .stored()
        .any(|field| field.options.deleted_at)
        .then(|| quote!(impl __db::model::SoftDelete for #ident {}));
    let searchable = model.search.is_some().then(|| quote!(impl __db::model::Searchable for #ident {}));
    quote! {
        #(#key_functions)*

        impl __db::Model for #ident {
            type Key = #key_type;
            type Fields = #columns;
            type Change = #change;
            type Draft = #draft;
            const META: &'static __db::ModelMeta = &META;

            fn fields(scope: __db::expression::Scope) -> #columns {
                #columns { #(#in_scope),* }
            }

            fn from_row(__reader: &mut __db::row::Reader<'_>) -> ::core::result::Result<Self, __db::DbError> {
                #(#reads)*
                ::core::result::Result::Ok(Self { #(#names),* })
            }

            fn reload(&mut self, __reader: &mut __db::row::Reader<'_>) -> ::core::result::Result<(), __db::DbError> {
                #(#reloads)*
                ::core::result::Result::Ok(())
            }

            fn key(&self) -> __db::Key<Self> {
                __db::Key::new(#key_value)
            }

            fn values(&self) -> ::std::vec::Vec<__db::Value> {
                #values
            }

            #version
            #hooks
        }

        #soft_delete
        #searchable
        impl __db::FromRow for #ident {
            fn columns() -> ::core::option::Option<::std::vec::Vec<&'static str>> {
                __db::from_row::columns_of(&META)
            }

            fn read(__reader: &mut __db::row::Reader<'_>) -> ::core::result::Result<Self, __db::DbError> {
                <Self as __db::Model>::from_row(__reader)
            }
        }
    }
}

/// What the column holds: a relation holds the other model's key.
pub(crate) fn stored_type(field: &Field) -> TokenStream {
    let ty = &field.ty;
    match field.kind {
        Kind::BelongsTo { .. } => {
            quote!(<#ty as __db::relation::ToOneField>::Key)
        }
        _ => quote!(#ty),
    }
}

fn column(model: &Model, field: &Field) -> TokenStream {
    let name = &field.ident;
    match &field.kind {
        Kind::Column if field.options.encrypted.is_some() => {
            quote!(#name: __db::encrypted::Encrypted::new(scope))
        }
        Kind::Column => {
            let position = model.position(field);
            quote!(#name: __db::Column::new(scope, &FIELDS[#position]))
        }
        Kind::Embedded { .. } => {
            let position = model.position(field);
            quote!(#name: __db::embedded::Place::new(scope, &FIELDS).part(#position))
        }
        Kind::BelongsTo { .. } => {
            let position = model.relation_position(field);
            quote! {
                #name: __db::relation::ToOne::new(scope, &RELATIONS[#position], |model| {
                    __db::relation::ToOneField::slot(&mut model.#name)
                })
            }
        }
        Kind::ByFields { .. } => {
            let position = model.relation_position(field);
            quote! {
                #name: __db::relation::ToOne::new(scope, &RELATIONS[#position], |model| {
                    __db::relation::ByFields::slot(&mut model.#name)
                })
            }
        }
        Kind::HasOne { .. } | Kind::HasMany { .. } | Kind::ManyToMany { .. } => {
            let position = model.relation_position(field);
            let path =
                if matches!(field.kind, Kind::HasOne { .. }) { quote!(ToSingle) } else { quote!(ToMany) };
            quote!(#name: __db::relation::#path::new(scope, &RELATIONS[#position], |model| model.#name.slot()))
        }
    }
}

/// JSON: stored fields but the hidden ones, and relations as far as they are loaded.
pub(crate) fn serialize(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let entries = model.fields.iter().filter(|field| !field.options.hidden).map(|field| {
        let (name, key) = (&field.ident, field.name());
        match field.kind {
            Kind::Column | Kind::Embedded { .. } => {
                let ty = &field.ty;
                quote_spanned!(span_of(ty)=> map.serialize_entry(#key, &self.#name)?;)
            }
            Kind::BelongsTo { .. } => {
                let column = field.column();
                quote!(__db::relation::ToOneField::serialize_into(&self.#name, &mut map, [#key, #column])?;)
            }
            Kind::ByFields { .. } => {
                quote!(__db::relation::ByFields::serialize_into(&self.#name, &mut map, #key)?;)
            }
            Kind::HasOne { .. } | Kind::HasMany { .. } | Kind::ManyToMany { .. } => {
                quote!(self.#name.serialize_into(&mut map, #key)?;)
            }
        }
    });
    quote! {
        impl __db::__private::serde::Serialize for #ident {
            fn serialize<S: __db::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                use __db::__private::serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(::core::option::Option::None)?;
                #(#entries)*
                map.end()
            }
        }
    }
}

/// `Debug` without the hidden fields, and without what is encrypted: logs are read by many.
pub(crate) fn debug(ident: &Ident, fields: &[Field]) -> TokenStream {
    let name = ident.to_string();
    let fields = fields.iter().filter(|field| !field.options.hidden).map(|field| {
        let (name, key) = (&field.ident, field.name());
        if field.options.encrypted.is_some() {
            return quote!(.field(#key, &::core::format_args!("********")));
        }
        quote!(.field(#key, &self.#name))
    });
    quote! {
        impl ::core::fmt::Debug for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name) #(#fields)* .finish()
            }
        }
    }
}
