//! The types beside a model.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::attributes::Kind;
use super::input::{Field, Model, argument, is_named, span_of};
use super::{by_fields, parts};
use crate::root;

/// `ArticleFields`, `NewArticle`, `ArticleDraft`, `ArticleChange`.
pub(crate) fn types(model: &Model) -> TokenStream {
    let (columns, new) = (columns(model), new(model));
    let (draft, change, creation) = (draft(model), change(model), creation(model));
    quote!(#columns #new #draft #change #creation)
}

fn columns(model: &Model) -> TokenStream {
    let db = root::path("db");
    let (vis, ident, name) = (&model.vis, &model.ident, model.companion("", "Fields"));
    let doc = format!("The columns and relations of [`{ident}`], as the closures of a query get them.");
    let fields = model.fields.iter().map(|field| {
        let (vis, name, ty) = (&field.vis, &field.ident, &field.ty);
        let doc = format!("`{}`", field.name());
        let ty = match &field.kind {
            Kind::Column if field.options.encrypted.is_some() => {
                let at = model.position(field);
                let indexed = if field.has_blind_index() { quote!(Indexed) } else { quote!(Unindexed) };
                quote!(#db::encrypted::Encrypted<#ident, #ty, { #at }, #db::encrypted::#indexed>)
            }
            Kind::Column => quote!(#db::Column<#ident, #ty>),
            Kind::Embedded { part, optional, .. } => {
                let presence = parts::presence(*optional);
                let span = span_of(part);
                let db = root::path_at("db", span);
                quote_spanned!(span=> #db::embedded::Part<#ident, #part, #presence>)
            }
            Kind::BelongsTo { target, .. } | Kind::ByFields { target, .. } => {
                quote!(#db::relation::ToOne<#ident, #target>)
            }
            Kind::HasOne { target, .. } => {
                quote!(#db::relation::ToSingle<#ident, #target>)
            }
            Kind::HasMany { target, .. } | Kind::ManyToMany { target, .. } => {
                quote!(#db::relation::ToMany<#ident, #target>)
            }
        };
        quote!(#[doc = #doc] #vis #name: #ty)
    });
    let search = search(model);
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #vis struct #name { #(#fields),* }

        impl ::core::clone::Clone for #name {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl ::core::marker::Copy for #name {}

        #search
    }
}

/// What conditions and orders can say of a model that is searched.
fn search(model: &Model) -> Option<TokenStream> {
    let first = &model.search.as_ref()?.fields.first()?.name;
    let db = root::path("db");
    let (vis, ident, name) = (&model.vis, &model.ident, model.companion("", "Fields"));
    Some(quote! {
        #[allow(dead_code)]
        impl #name {
            /// It has what somebody looks for, in words: see [`Query::search`](#db::Query::search).
            #vis fn matches(self, words: impl ::core::convert::Into<::std::string::String>) -> #db::Predicate<#ident> {
                #db::search::matches(self.#first, words)
            }

            /// How well it fits what somebody looks for: the greater, the better. What is not found has (nearly) nothing.
            #vis fn relevance(self, words: impl ::core::convert::Into<::std::string::String>) -> #db::Expr<#ident, f64> {
                #db::search::relevance(self.#first, words)
            }
        }
    })
}

fn new(model: &Model) -> TokenStream {
    let db = root::path("db");
    let (vis, ident) = (&model.vis, &model.ident);
    let (name, draft) = (model.companion("New", ""), model.companion("", "Draft"));
    let doc = format!(
        "A new [`{ident}`]: the fields that have no default. The others are set by functions of their name."
    );
    let required: Vec<&Field> = model.stored().filter(|field| field.is_required()).collect();
    let fields = required.iter().map(|field| {
        let (name, ty) = (&field.ident, given_type(field));
        let doc = doc_of(field);
        quote!(#[doc = #doc] #vis #name: #ty)
    });
    let sets = required.iter().map(|field| {
        let name = &field.ident;
        set(model, field, &quote!(&mut values), &quote!(new.#name))
    });
    let settable = model.stored().filter(|field| !field.is_required() && field.is_settable());
    let setters = settable.map(|field| {
        let (name, ty, doc) = (&field.ident, setter_type(field), doc_of(field));
        quote! {
            #[doc = #doc]
            #vis fn #name(self, value: #ty) -> #draft {
                <#draft as ::core::convert::From<Self>>::from(self).#name(value)
            }
        }
    });
    let references = model.fields.iter().filter_map(|field| {
        let (ty, _) = by_fields::type_of(field)?;
        let (name, doc) = (&field.ident, doc_of(field));
        Some(quote! {
            #[doc = #doc]
            #vis fn #name(self, value: #ty) -> #draft {
                <#draft as ::core::convert::From<Self>>::from(self).#name(value)
            }
        })
    });
    let insert = insert(model, quote!(<#draft as ::core::convert::From<Self>>::from(self).0));
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #[derive(::core::clone::Clone)]
        #vis struct #name { #(#fields),* }

        #[allow(dead_code)]
        impl #name { #(#setters)* #(#references)* #insert }

        impl ::core::convert::From<#name> for #draft {
            fn from(new: #name) -> Self {
                let mut values = #db::write::Assignments::new(<#ident as #db::Model>::META);
                #(#sets)*
                let _ = new;
                Self(values)
            }
        }
    }
}

fn draft(model: &Model) -> TokenStream {
    let db = root::path("db");
    let (vis, ident) = (&model.vis, &model.ident);
    let (name, new) = (model.companion("", "Draft"), model.companion("New", ""));
    let doc = format!("A [`{ident}`] that is not stored yet: made from a [`{new}`].");
    let setters = model.stored().filter(|field| field.is_settable()).map(|field| setter(model, field));
    let references = model.fields.iter().filter_map(|field| by_fields::setter(model, field));
    let insert = insert(model, quote!(self.0));
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #name(#db::write::Assignments);

        #[allow(dead_code)]
        impl #name { #(#setters)* #(#references)* #insert }

        impl #db::model::Drafting for #name {
            type Model = #ident;
        }

        impl ::core::convert::From<#db::write::Assignments> for #name {
            fn from(values: #db::write::Assignments) -> Self {
                Self(values)
            }
        }

        impl ::core::convert::From<#name> for #db::write::Assignments {
            fn from(draft: #name) -> Self {
                draft.0
            }
        }
    }
}

fn change(model: &Model) -> TokenStream {
    let db = root::path("db");
    let (vis, ident, name) = (&model.vis, &model.ident, model.companion("", "Change"));
    let doc = format!("A change to some fields of a [`{ident}`].");
    let changeable = model.stored().filter(|field| !field.options.primary_key && field.is_settable());
    let setters = changeable.map(|field| setter(model, field));
    let is_key = |name: &Ident| model.stored().any(|field| field.ident == *name && field.options.primary_key);
    let references = model.fields.iter().filter_map(|field| match &field.kind {
        Kind::ByFields { fields, .. } if fields.iter().any(is_key) => None,
        _ => by_fields::setter(model, field),
    });
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #name(#db::write::Assignments);

        #[allow(dead_code)]
        impl #name { #(#setters)* #(#references)* }

        impl ::core::convert::From<#db::write::Assignments> for #name {
            fn from(values: #db::write::Assignments) -> Self {
                Self(values)
            }
        }

        impl ::core::convert::From<#name> for #db::write::Assignments {
            fn from(change: #name) -> Self {
                change.0
            }
        }
    }
}

fn setter(model: &Model, field: &Field) -> TokenStream {
    let (vis, name) = (&model.vis, &field.ident);
    let (given, ty, doc) = (given_type(field), setter_type(field), doc_of(field));
    let into = if is_into(field) { quote!(::core::convert::Into::into(value)) } else { quote!(value) };
    let set = set(model, field, &quote!(&mut self.0), &quote!(value));
    quote! {
        #[doc = #doc]
        #[must_use]
        #vis fn #name(mut self, value: #ty) -> Self {
            let value: #given = #into;
            #set
            self
        }
    }
}

/// Sets a field of assignments to a value as [`given_type`] has it.
fn set(model: &Model, field: &Field, values: &TokenStream, value: &TokenStream) -> TokenStream {
    let (db, position) = (root::path("db"), model.position(field));
    let given = given_type(field);
    match &field.kind {
        Kind::BelongsTo { target, .. } => quote! {
            #db::write::Assignments::set_reference::<#target>(
                #values,
                &[#position],
                ::core::convert::Into::into(#value),
            );
        },
        Kind::Embedded { part, optional, .. } => {
            let presence = parts::presence(*optional);
            let set = quote_spanned!(span_of(part)=> #db::write::Assignments::set_part::<#presence, #part>);
            quote!(#set(#values, #position, #value);)
        }
        _ => quote!(#db::write::Assignments::set::<#given>(#values, #position, #value);),
    }
}

fn insert(model: &Model, values: TokenStream) -> TokenStream {
    let db = root::path("db");
    let (vis, ident) = (&model.vis, &model.ident);
    let columns = model.companion("", "Fields");
    quote! {
        /// Stores it, and returns it as it was stored.
        #[track_caller]
        #vis fn insert(
            self,
            executor: &impl #db::Executor,
        ) -> impl ::core::future::Future<Output = #db::__private::Result<#ident>> {
            #db::write::insert(#values, executor)
        }

        /// Stores it, or updates the row that has the same values in the unique fields that the closure names, with the
        /// values that are given here. Returns the row as it is stored.
        #[track_caller]
        #vis fn upsert<C: #db::write::IntoConflict<#ident>>(
            self,
            unique: impl ::core::ops::FnOnce(#columns) -> C,
            executor: &impl #db::Executor,
        ) -> impl ::core::future::Future<Output = #db::__private::Result<#ident>> {
            #db::write::upsert(#values, unique(<#ident as #db::Model>::fields(#db::expression::Scope::ROOT)), executor)
        }

        /// Stores it, unless there is a row with the same values in the unique fields that the closure names.
        #[track_caller]
        #vis fn insert_or_ignore<C: #db::write::IntoColumns<#ident>>(
            self,
            unique: impl ::core::ops::FnOnce(#columns) -> C,
            executor: &impl #db::Executor,
        ) -> impl ::core::future::Future<Output = #db::__private::Result<::core::option::Option<#ident>>> {
            #db::write::insert_or_ignore(
                #values,
                unique(<#ident as #db::Model>::fields(#db::expression::Scope::ROOT)),
                executor,
            )
        }
    }
}

/// Storing it together with other rows, and what that is made from.
fn creation(model: &Model) -> TokenStream {
    let db = root::path("db");
    let (vis, ident, columns) = (&model.vis, &model.ident, model.companion("", "Fields"));
    let (new, draft) = (model.companion("New", ""), model.companion("", "Draft"));
    let creation = quote!(#db::write::Creation<'a, #ident>);
    let functions = quote! {
        /// Stores it together with new rows of a relation: `.with(|it| it.comments, |it| [NewComment { .. }])`. The second
        /// closure gets the key of what is stored here. Then `insert` stores all of it, or nothing.
        #vis fn with<'a, N, I>(
            self,
            relation: impl ::core::ops::FnOnce(#columns) -> N,
            rows: impl ::core::ops::FnOnce(#db::Key<#ident>) -> I + ::core::marker::Send + 'a,
        ) -> #creation
        where
            N: #db::relation::Nests<#ident>,
            N::Row: 'a,
            I: ::core::iter::IntoIterator,
            I::Item: ::core::convert::Into<#db::write::Creation<'a, N::Row>>,
        {
            #db::write::Creation::from(self).with(relation, rows)
        }

        /// Stores it linked with rows that are there already, or as their owner: `.with_existing(|it| it.tags, [&tag])`.
        #vis fn with_existing<'a, N, K>(
            self,
            relation: impl ::core::ops::FnOnce(#columns) -> N,
            rows: impl ::core::iter::IntoIterator<Item = K>,
        ) -> #creation
        where
            N: #db::relation::Nests<#ident>,
            N::Row: 'a,
            K: ::core::convert::Into<#db::Key<N::Row>>,
        {
            #db::write::Creation::from(self).with_existing(relation, rows)
        }
    };
    let nests = |field: &Field| {
        matches!(field.kind, Kind::HasOne { .. } | Kind::HasMany { .. } | Kind::ManyToMany { .. })
    };
    let functions = model.fields.iter().any(nests).then(|| {
        quote! {
            #[allow(dead_code)]
            impl #new { #functions }

            #[allow(dead_code)]
            impl #draft { #functions }
        }
    });
    quote! {
        #functions

        impl<'a> ::core::convert::From<#draft> for #creation {
            fn from(draft: #draft) -> Self {
                Self::new(draft.0)
            }
        }

        impl<'a> ::core::convert::From<#new> for #creation {
            fn from(new: #new) -> Self {
                Self::from(<#draft as ::core::convert::From<#new>>::from(new))
            }
        }
    }
}

/// What a field holds, as callers give it: for a relation, the other model's key.
fn given_type(field: &Field) -> TokenStream {
    let (db, ty) = (root::path("db"), &field.ty);
    match &field.kind {
        Kind::BelongsTo { target, nullable, .. } => {
            if *nullable {
                quote!(::core::option::Option<#db::Key<#target>>)
            } else {
                quote!(#db::Key<#target>)
            }
        }
        _ => quote!(#ty),
    }
}

fn setter_type(field: &Field) -> TokenStream {
    let given = given_type(field);
    if is_into(field) { quote!(impl ::core::convert::Into<#given>) } else { given }
}

fn is_into(field: &Field) -> bool {
    matches!(field.kind, Kind::BelongsTo { .. })
        || is_named(&field.ty, &["String"])
        || argument(&field.ty, "Option").is_some()
}

pub(super) fn doc_of(field: &Field) -> String {
    if field.help.is_empty() { format!("`{}`", field.name()) } else { field.help.clone() }
}
