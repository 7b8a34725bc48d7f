//! `#[derive(FromRow)]`: a struct that is read from a row, and the struct of expressions that it can be selected with.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result};

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
    let (mut names, mut visible, mut columns_read, mut types, mut sources) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let Some(name) = &field.ident else { continue };
        let mut column = name.to_string().trim_start_matches("r#").to_owned();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("db")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("rename") {
                    return Err(meta.error("unknown; `#[db]` takes `rename = \"…\"`"));
                }
                column = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        sources.push(format_ident!("F{}", names.len()));
        names.push(name);
        visible.push(&field.vis);
        columns_read.push(column);
        types.push(&field.ty);
    }
    let db = root::path("db");
    let reads = types.iter().map(|ty| quote_spanned!(ty.span()=> __reader.take::<#ty>()?));
    Ok(quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #columns<#(#sources: #db::from_row::Yields<#types>),*> {
            #(#[doc = #columns_read] #visible #names: #sources),*
        }

        impl #db::FromRow for #ident {
            fn columns() -> ::core::option::Option<::std::vec::Vec<&'static str>> {
                ::core::option::Option::Some(::std::vec![#(#columns_read),*])
            }

            fn read(__reader: &mut #db::row::Reader<'_>) -> ::core::result::Result<Self, #db::DbError> {
                ::core::result::Result::Ok(Self { #(#names: #reads),* })
            }
        }

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
