//! `#[derive(DbType)]`: a struct around one value as a column.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Fields, Result, Type};

use super::input::{is_named, span_of};
use crate::root;

/// What lists can be of.
const ELEMENTS: &[&str] = &[
    "bool",
    "i8",
    "i16",
    "i32",
    "i64",
    "u16",
    "u32",
    "f32",
    "f64",
    "String",
    "Decimal",
    "Uuid",
    "DateTime",
    "NaiveDateTime",
    "NaiveDate",
    "NaiveTime",
];

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let inner = inner(input)?;
    let (mut checked, mut key) = (false, false);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("db")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("try_from") {
                checked = true;
            } else if meta.path.is_ident("key") {
                key = true;
            } else {
                return Err(meta.error("unknown; above a `DbType`, `#[db]` takes `try_from` and `key`"));
            }
            Ok(())
        })?;
    }
    let db = root::path("db");
    let (ident, name) = (&input.ident, input.ident.to_string());
    let stored = quote_spanned!(span_of(inner)=> <#inner as __db::Stored>);
    let (decode, deserialize) = if checked {
        (
            quote!(__db::value::decode_checked::<#inner, Self>(cell, #name)),
            quote! {
                let inner = <#inner as __db::__private::serde::Deserialize>::deserialize(deserializer)?;
                <Self as ::core::convert::TryFrom<#inner>>::try_from(inner).map_err(__db::__private::serde::de::Error::custom)
            },
        )
    } else {
        (
            quote!(<#inner as __db::value::Decode>::decode(cell).map(Self)),
            quote!(<#inner as __db::__private::serde::Deserialize>::deserialize(deserializer).map(Self)),
        )
    };
    let text = is_named(inner, &["String"])
        .then(|| quote!(impl __db::column::TextColumn for #ident { type Length = i64; }));
    let element = is_named(inner, ELEMENTS).then(|| quote!(impl __db::value::Element for #ident {}));
    let key = key.then(|| as_key(input));
    Ok(quote! {
        const _: () = {
            use #db as __db;

            impl __db::value::Decode for #ident {
                fn decode(cell: __db::value::Cell<'_>) -> ::core::result::Result<Self, __db::value::Mismatch> {
                    #decode
                }
            }

            impl __db::Stored for #ident {
                const TYPE: __db::value::SqlType = #stored::TYPE;
                const NULLABLE: bool = #stored::NULLABLE;
                const CHOICES: &'static [__db::value::Choice] = #stored::CHOICES;
                const RANGE: ::core::option::Option<(i64, i64)> = #stored::RANGE;

                fn into_value(self) -> __db::Value {
                    __db::Stored::into_value(self.0)
                }
            }

            impl __db::__private::serde::Serialize for #ident {
                fn serialize<S: __db::__private::serde::Serializer>(
                    &self,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    __db::__private::serde::Serialize::serialize(&self.0, serializer)
                }
            }

            impl<'de> __db::__private::serde::Deserialize<'de> for #ident {
                fn deserialize<D: __db::__private::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    #deserialize
                }
            }

            #text
            #element
            #key
        };
    })
}

fn inner(input: &DeriveInput) -> Result<&Type> {
    let expected = "`DbType` is derived on a struct around one value: `struct Email(String);`";
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "a column has one type: this cannot be generic"));
    }
    let Data::Struct(data) = &input.data else { return Err(Error::new_spanned(&input.ident, expected)) };
    match &data.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Ok(&fields.unnamed[0].ty),
        _ => Err(Error::new_spanned(&input.ident, expected)),
    }
}

/// It can be the key of a model, and is compared with relations to it.
fn as_key(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    quote! {
        impl __db::key::SingleKey for #ident {}

        impl __db::key::KeyType for #ident {
            fn into_values(self) -> ::std::vec::Vec<__db::Value> {
                ::std::vec![__db::Stored::into_value(self)]
            }

            fn read(reader: &mut __db::row::Reader<'_>) -> ::core::result::Result<Self, __db::DbError> {
                __db::row::Reader::take(reader)
            }

            fn of(values: &[__db::Value]) -> ::core::result::Result<Self, __db::value::Mismatch> {
                let only = values.first().map_or(__db::value::Cell::Null, __db::Value::cell);
                __db::value::Decode::decode(only)
            }

            fn whole(self) -> __db::Value {
                __db::Stored::into_value(self)
            }
        }

        impl<M: __db::Model<Key = #ident>> ::core::convert::From<#ident> for __db::Key<M> {
            fn from(value: #ident) -> Self {
                Self::new(value)
            }
        }

        impl<M: __db::Model<Key = #ident>> __db::value::IntoOperand<__db::Key<M>> for #ident {
            fn into_operand(self) -> __db::expression::Operand {
                ::core::convert::From::from(__db::Stored::into_value(self))
            }
        }
    }
}
