//! `#[derive(FromRow)]`: a struct that is read from a row, and the struct of expressions that it can be selected with.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, Type};

use crate::model::{argument, inside_option, presence};
use crate::root;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => {
                return Err(Error::new_spanned(
                    &input.ident,
                    "`FromRow` is derived on a struct with named fields",
                ));
            }
        },
        _ => {
            return Err(Error::new_spanned(
                &input.ident,
                "`FromRow` is derived on a struct with named fields",
            ));
        }
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "`FromRow` is derived on a struct without parameters",
        ));
    }
    let (vis, ident) = (&input.vis, &input.ident);
    let columns = format_ident!("{ident}Columns");
    let doc = format!(
        "The expressions that a [`{ident}`] is selected with: `query.select(|it| {columns} {{ … }})`."
    );
    let (mut named, mut types, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let Some(name) = &field.ident else { continue };
        sources.push(format_ident!("F{}", named.len()));
        types.push(&field.ty);
        named.push((&field.vis, name, Read::of(field, name)?));
    }
    let db = root::path("db");
    let shown = named.iter().map(|(vis, name, read)| (vis, name, read.column()));
    let shown =
        shown.zip(&sources).map(|((vis, name, column), source)| quote!(#[doc = #column] #vis #name: #source));
    let names: Vec<_> = named.iter().map(|(_, name, _)| name).collect();
    let statics = named.iter().filter_map(|(_, _, read)| read.statics());
    let columns_read = named.iter().zip(&types).map(|((_, _, read), ty)| read.columns(ty));
    let reads = named.iter().zip(&types).map(|((_, _, read), ty)| read.read(ty));
    Ok(quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #columns<#(#sources: #db::from_row::Yields<#types>),*> {
            #(#shown),*
        }

        const _: () = {
            use #db as __db;
            #(#statics)*

            impl __db::FromRow for #ident {
                fn columns() -> ::core::option::Option<::std::vec::Vec<&'static str>> {
                    let mut __columns = ::std::vec::Vec::new();
                    #(#columns_read)*
                    ::core::option::Option::Some(__columns)
                }

                fn read(__reader: &mut __db::row::Reader<'_>) -> ::core::result::Result<Self, __db::DbError> {
                    ::core::result::Result::Ok(Self { #(#names: #reads),* })
                }
            }
        };

        impl<#(#sources: #db::from_row::Yields<#types>),*> #db::from_row::Yields<#ident> for #columns<#(#sources),*> {}

        impl<__M, #(#sources: #db::query::Project<__M> + #db::from_row::Yields<#types>),*> #db::query::Project<__M>
            for #columns<#(#sources),*>
        {
            type Row = #ident;

            fn project(self, __outputs: &mut #db::query::Outputs) {
                #(#db::query::Project::<__M>::project(self.#names, __outputs);)*
            }

            fn read(__reader: &mut #db::row::Reader<'_>) -> ::core::result::Result<#ident, #db::DbError> {
                <#ident as #db::FromRow>::read(__reader)
            }
        }
    })
}

/// How a field is read.
enum Read {
    /// From the column of that name.
    Column(String),
    /// From those of another such struct.
    Flat(String),
    /// From several, whose names begin so. The constant has their fields.
    Part { constant: Ident, prefix: String, part: Box<Type>, optional: bool },
}

impl Read {
    fn of(field: &Field, name: &Ident) -> Result<Self> {
        let own = name.to_string().trim_start_matches("r#").to_owned();
        let (mut rename, mut embedded, mut prefix, mut flatten) = (None, false, None, false);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("db")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    rename = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("embedded") {
                    embedded = true;
                } else if meta.path.is_ident("flatten") {
                    flatten = true;
                } else if meta.path.is_ident("prefix") {
                    prefix = Some(meta.value()?.parse::<LitStr>()?);
                } else {
                    return Err(meta.error(
                        "unknown; `#[db]` takes `rename = \"…\"`, `flatten`, or `embedded` with `prefix = \"…\"`",
                    ));
                }
                Ok(())
            })?;
        }
        if flatten {
            return match (embedded, rename, prefix) {
                (false, None, None) => Ok(Self::Flat(own)),
                _ => Err(Error::new_spanned(
                    name,
                    "the columns of a struct have names of their own: `#[db(flatten)]`",
                )),
            };
        }
        match (embedded, rename, prefix) {
            (false, rename, None) => Ok(Self::Column(rename.unwrap_or(own))),
            (true, None, prefix) => Ok(Self::Part {
                constant: format_ident!("__{}", own.to_uppercase()),
                prefix: prefix.map_or_else(|| format!("{own}_"), |prefix| prefix.value()),
                part: Box::new(inside_option(&field.ty).clone()),
                optional: argument(&field.ty, "Option").is_some(),
            }),
            (false, _, Some(prefix)) => Err(Error::new_spanned(
                prefix,
                "only several columns have this: `#[db(embedded, prefix = \"…\")]`",
            )),
            (true, Some(_), _) => Err(Error::new_spanned(
                name,
                "a part is several columns: say with `prefix` what they begin with",
            )),
        }
    }

    /// What is said of its expression.
    fn column(&self) -> &str {
        match self {
            Self::Column(column) | Self::Flat(column) => column,
            Self::Part { prefix, .. } => prefix,
        }
    }

    /// The fields of a part, with the names that its columns have here.
    fn statics(&self) -> Option<TokenStream> {
        let Self::Part { constant, prefix, part, .. } = self else { return None };
        let new = quote_spanned!(part.span()=> __db::meta::PartMeta::new::<#part>);
        Some(quote! {
            const #constant: &[__db::meta::FieldMeta] = {
                const PART: &__db::meta::PartMeta = &#new("", #prefix, 0);
                const ENTRIES: &[__db::meta::part::Entry] = &[__db::meta::part::Entry::Part(PART)];
                const NAMES: &[u8] = &__db::meta::part::names::<{ __db::meta::part::letters(ENTRIES) }>(ENTRIES);
                &__db::meta::part::fields::<{ __db::meta::part::width(ENTRIES) }>(ENTRIES, NAMES)
            };
        })
    }

    fn columns(&self, ty: &Type) -> TokenStream {
        match self {
            Self::Flat(_) => {
                quote_spanned!(ty.span()=> __columns.extend(<#ty as __db::FromRow>::columns()?);)
            }
            Self::Column(column) => quote!(__columns.push(#column);),
            Self::Part { constant, .. } => {
                quote!(__columns.extend(#constant.iter().map(|field| field.column));)
            }
        }
    }

    fn read(&self, ty: &Type) -> TokenStream {
        match self {
            Self::Column(_) => quote_spanned!(ty.span()=> __reader.take::<#ty>()?),
            Self::Flat(_) => quote_spanned!(ty.span()=> <#ty as __db::FromRow>::read(__reader)?),
            Self::Part { constant, part, optional, .. } => {
                let presence = presence(*optional);
                let read = quote_spanned!(part.span()=> __db::embedded::read::<#presence, #part>);
                quote!(#read(__reader, #constant, 0)?)
            }
        }
    }
}
