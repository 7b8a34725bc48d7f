//! `#[derive(DbEnum)]`: an enum of unit variants as a column of texts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result};

use super::names;
use crate::root;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "`DbEnum` is derived on an enum of plain variants"));
    };
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "an enum without variants has nothing to store"));
    }
    let (mut variants, mut values, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a variant with fields cannot be stored; use `Json<T>`"));
        }
        let name = variant.ident.to_string();
        let mut value = names::snake(&name);
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("db")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("rename") {
                    return Err(meta.error("unknown; `#[db]` takes `rename = \"…\"`"));
                }
                value = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        if values.contains(&value) {
            return Err(Error::new_spanned(variant, format!("another variant is stored as `{value}`")));
        }
        variants.push(&variant.ident);
        values.push(value);
        labels.push(names::label(&name));
    }
    let db = root::path("db");
    let (ident, expected) = (&input.ident, format!("one of {}", values.join(", ")));
    Ok(quote! {
        const _: () = {
            use #db as __db;

            impl #ident {
                const fn __name(&self) -> &'static str {
                    match self { #(Self::#variants => #values),* }
                }

                fn __named(name: &str) -> ::core::option::Option<Self> {
                    match name {
                        #(#values => ::core::option::Option::Some(Self::#variants),)*
                        _ => ::core::option::Option::None,
                    }
                }
            }

            impl __db::value::Decode for #ident {
                fn decode(cell: __db::value::Cell<'_>) -> ::core::result::Result<Self, __db::value::Mismatch> {
                    __db::value::decode_choice(cell, #expected, Self::__named)
                }
            }

            impl __db::Stored for #ident {
                const TYPE: __db::value::SqlType = __db::value::SqlType::Enum;
                const CHOICES: &'static [__db::value::Choice] =
                    &[#(__db::value::Choice { value: #values, label: #labels }),*];

                fn into_value(self) -> __db::Value {
                    __db::Value::Text(::std::borrow::ToOwned::to_owned(self.__name()))
                }
            }

            impl __db::value::Element for #ident {}

            impl __db::__private::serde::Serialize for #ident {
                fn serialize<S: __db::__private::serde::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.__name())
                }
            }

            impl<'de> __db::__private::serde::Deserialize<'de> for #ident {
                fn deserialize<D: __db::__private::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    __db::value::deserialize_choice(deserializer, #expected, Self::__named)
                }
            }
        };
    })
}
