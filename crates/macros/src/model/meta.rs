//! The static metadata: calls of `const` functions of the crate `db`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

use super::attributes::{Action, Fill, Kind, Through};
use super::input::{Field, Model, is_named, span_of};
use super::{encryption, links, names, parts};
use crate::root;

pub(crate) fn statics(model: &Model) -> TokenStream {
    let db = root::path("db");
    let links = model.relations().filter_map(|field| links::statics(model, field));
    let relations: Vec<_> = model.relations().map(|field| relation(model, field)).collect();
    let indexes: Vec<_> = model
        .indexes
        .iter()
        .map(|index| {
            let (unique, fields) = (index.unique, &index.fields);
            let (name, filter) = (optional(&index.name), optional(&index.filter));
            let (expression, using) = (optional(&index.expression), optional(&index.using));
            quote! {
                __db::meta::IndexMeta {
                    name: #name,
                    fields: &[#(#fields),*],
                    expression: #expression,
                    unique: #unique,
                    filter: #filter,
                    using: #using,
                }
            }
        })
        .collect();
    let checks = model.checks.iter().map(|check| {
        let (name, sql, message) = (&check.name, &check.sql, optional(&check.message));
        quote!(__db::meta::CheckMeta { name: #name, sql: #sql, message: #message })
    });
    let search = match &model.search {
        Some(search) => {
            let (name, language) = (format!("{}_search", model.table), optional(&search.language));
            let fields = search.fields.iter().map(|field| {
                // What the compiler says of the type, it says where the attribute names the field.
                let (span, position) = (field.name.span(), &field.position);
                let ty = at(span, &field.ty);
                quote_spanned!(span=> __db::meta::searched::<#ty>(#position))
            });
            quote! {
                ::core::option::Option::Some(__db::meta::SearchMeta {
                    name: #name,
                    fields: &[#(#fields),*],
                    language: #language,
                })
            }
        }
        None => quote!(::core::option::Option::None),
    };
    let renamed_from = optional(&model.renamed_from);
    let has_hooks = model.hooks;
    let has_encrypted = model.stored().any(|field| field.options.encrypted.is_some());
    let (version, deleted_at) =
        (position(model, |field| field.options.version), position(model, |field| field.options.deleted_at));
    let tenant = position(model, |field| field.options.is_tenant());
    let key = model.stored().filter(|field| field.options.primary_key).map(|field| model.position(field));
    let fields = parts::of_model(&model.fields);
    let (name, help, table) = (model.ident.to_string(), &model.help, &model.table);
    let label = names::snake(&name).replace('_', " ");
    let (relation_count, index_count) = (relations.len(), indexes.len());
    quote! {
        use #db as __db;
        #(#links)*
        #fields
        static RELATIONS: [__db::meta::RelationMeta; #relation_count] = [#(#relations),*];
        static INDEXES: [__db::meta::IndexMeta; #index_count] = [#(#indexes),*];
        static META: __db::meta::ModelMeta = __db::meta::ModelMeta {
            name: #name,
            label: #label,
            help: #help,
            table: #table,
            fields: &FIELDS,
            parts: PARTS,
            key: &[#(#key),*],
            relations: &RELATIONS,
            indexes: &INDEXES,
            checks: &[#(#checks),*],
            search: #search,
            renamed_from: #renamed_from,
            version: #version,
            deleted_at: #deleted_at,
            tenant: #tenant,
            has_hooks: #has_hooks,
            has_encrypted: #has_encrypted,
            is_link: false,
            place: ::core::concat!(::core::file!(), ":", ::core::line!()),
        };
    }
}

pub(super) fn field(field: &Field) -> TokenStream {
    let (name, column, help, label) =
        (field.name(), field.column(), &field.help, names::label(&field.name()));
    let ty = &field.ty;
    let of = match &field.kind {
        Kind::BelongsTo { .. } => {
            quote_spanned!(span_of(ty)=> __db::meta::FieldMeta::of_relation::<#ty>)
        }
        _ => quote_spanned!(span_of(ty)=> __db::meta::FieldMeta::of::<#ty>),
    };
    let mut calls = quote!(#of(#name, #column).described(#label, #help));
    let options = &field.options;
    let flags = [
        // Of an encrypted field, its digests are.
        (options.unique && options.encrypted.is_none(), quote!(.unique())),
        (options.index, quote!(.index())),
        (options.hidden, quote!(.hidden())),
        (options.read_only, quote!(.read_only())),
        (options.searchable, quote!(.searchable())),
        (options.version, quote!(.version())),
        (options.deleted_at, quote!(.deleted_at())),
    ];
    calls.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, call)| call));
    calls.extend(encryption::calls(field));
    if let Some(characters) = &options.min_length {
        calls.extend(quote!(.min_length(#characters)));
    }
    if let Some(characters) = &options.max_length {
        calls.extend(quote!(.max_length(#characters)));
    }
    if let Some(number) = &options.min {
        let text = &number.text;
        calls.extend(quote!(.min(#text)));
    }
    if let Some(number) = &options.max {
        let text = &number.text;
        calls.extend(quote!(.max(#text)));
    }
    if let Some(precision) = &options.precision {
        let scale = options.scale.as_ref().map_or_else(|| quote!(0), |scale| quote!(#scale));
        calls.extend(quote!(.digits(#precision, #scale)));
    }
    if let Some(sql) = &options.check {
        calls.extend(quote!(.check(#sql)));
    }
    if let Some(column) = field.renamed_from() {
        calls.extend(quote!(.renamed_from(#column)));
    }
    if let Some(sql) = &options.computed {
        calls.extend(quote!(.computed(#sql)));
    } else if let Some(Fill::Database(sql)) = &options.fill {
        calls.extend(quote!(.default_sql(#sql)));
    } else if let Some(fill) = &options.fill {
        let fill = self::fill(field, fill);
        calls.extend(quote!(.fill(#fill)));
    }
    calls
}

fn position(model: &Model, is: fn(&Field) -> bool) -> TokenStream {
    match model.stored().find(|field| is(field)).map(|field| model.position(field)) {
        Some(position) => quote!(::core::option::Option::Some(#position)),
        None => quote!(::core::option::Option::None),
    }
}

/// A type with another place in the source.
fn at(span: Span, ty: &Type) -> TokenStream {
    let mut tokens: Vec<_> = ty.to_token_stream().into_iter().collect();
    tokens.iter_mut().for_each(|token| token.set_span(span));
    tokens.into_iter().collect()
}

pub(super) fn optional(text: &Option<String>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    }
}

fn fill(field: &Field, fill: &Fill) -> TokenStream {
    let ty = &field.ty;
    match fill {
        Fill::OfType => {
            let default = quote_spanned!(span_of(ty)=> <#ty as ::core::default::Default>::default());
            quote!(__db::meta::Fill::Default(|| __db::Stored::into_value(#default)))
        }
        Fill::Expression(expression) => {
            let value = if is_named(ty, &["String"]) {
                quote!(::core::convert::Into::into(#expression))
            } else {
                quote!(#expression)
            };
            quote!(__db::meta::Fill::Default(|| { let value: #ty = #value; __db::Stored::into_value(value) }))
        }
        Fill::Database(_) => quote!(__db::meta::Fill::Database),
        Fill::Generated => quote!(__db::meta::Fill::Generated),
        Fill::CreatedAt => quote!(__db::meta::Fill::CreatedAt),
        Fill::UpdatedAt => quote!(__db::meta::Fill::UpdatedAt),
        Fill::Tenant => quote!(__db::meta::Fill::Tenant),
    }
}

fn relation(model: &Model, field: &Field) -> TokenStream {
    let owner = &model.ident;
    let (name, label, help) = (field.name(), names::label(&field.name()), &field.help);
    let (target, kind) = match &field.kind {
        Kind::BelongsTo { target, on_delete, on_update, .. }
        | Kind::ByFields { target, on_delete, on_update, .. } => {
            let positions = match &field.kind {
                Kind::ByFields { fields, .. } => model.positions(fields),
                _ => vec![model.position(field)],
            };
            let positions = parts::constant(&model.fields, &positions);
            let action = |action: &Action| match action {
                Action::Restrict => quote!(Restrict),
                Action::Cascade => quote!(Cascade),
                Action::SetNull => quote!(SetNull),
            };
            let (on_delete, on_update) = (action(on_delete), action(on_update));
            let kind = quote! {
                BelongsTo {
                    fields: #positions,
                    on_delete: __db::meta::OnDelete::#on_delete,
                    on_update: __db::meta::OnUpdate::#on_update,
                }
            };
            (target, kind)
        }
        Kind::HasMany { target, by } => {
            let by = optional(by);
            (target, quote!(HasMany { by: #by }))
        }
        Kind::HasOne { target, by } => {
            let by = optional(by);
            (target, quote!(HasOne { by: #by }))
        }
        Kind::ManyToMany { target, through } => {
            let (through, from, to) = match through {
                Through::Model { model, from, to } => (
                    quote_spanned!(span_of(model)=> __db::meta::meta_of::<#model>),
                    optional(from),
                    optional(to),
                ),
                Through::Own { .. } => {
                    let link = links::name(field);
                    let [from, to] = links::sides(model, target).map(|side| optional(&Some(side)));
                    (quote!(|| &#link), from, to)
                }
                Through::Other { by } => {
                    let by = by.to_string();
                    // Seen from the other side.
                    let [to, from] = links::other_sides(model, target).map(|side| optional(&side));
                    (quote!(|| __db::meta::link_of::<#target>(#by)), from, to)
                }
            };
            (target, quote!(ManyToMany { through: #through, from: #from, to: #to }))
        }
        Kind::Column | Kind::Embedded { .. } => return TokenStream::new(),
    };
    let new = quote_spanned!(span_of(target)=> __db::meta::RelationMeta::new::<#owner, #target>);
    quote!(#new(#name, __db::meta::RelationKind::#kind).described(#label, #help))
}
