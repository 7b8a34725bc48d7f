//! `#[derive(DbEnum)]`: an enum of unit variants as a column of texts, or of numbers.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, Fields, Ident, Lit, LitStr, Result, UnOp, Variant};

use super::names;
use crate::root;

/// A variant, and what stands for it.
struct Choice<'a> {
    ident: &'a Ident,
    value: String,
    label: String,
    /// What is stored instead, in an enum of numbers.
    number: Option<i64>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "`DbEnum` is derived on an enum of plain variants"));
    };
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "an enum without variants has nothing to store"));
    }
    let numbered = is_numbered(input)?;
    let mut choices: Vec<Choice<'_>> = Vec::new();
    for variant in &data.variants {
        let choice = choice(variant, numbered)?;
        if choices.iter().any(|other| other.value == choice.value) {
            return Err(Error::new_spanned(
                variant,
                format!("another variant is stored as `{}`", choice.value),
            ));
        }
        choices.push(choice);
    }
    let storage = if numbered { numbers(&choices) } else { texts(&choices) };
    let variants: Vec<_> = choices.iter().map(|choice| choice.ident).collect();
    let values: Vec<_> = choices.iter().map(|choice| &choice.value).collect();
    let entries = choices.iter().map(|choice| {
        let (value, label) = (&choice.value, &choice.label);
        let number = match choice.number {
            Some(number) => quote!(::core::option::Option::Some(#number)),
            None => quote!(::core::option::Option::None),
        };
        quote!(__db::value::Choice { value: #value, label: #label, number: #number })
    });
    let Storage { sql_type, decode, into_value, functions } = storage;
    let db = root::path("db");
    let (ident, expected) = (&input.ident, expected(&choices, |choice| choice.value.clone()));
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

                #functions
            }

            impl __db::value::Decode for #ident {
                fn decode(cell: __db::value::Cell<'_>) -> ::core::result::Result<Self, __db::value::Mismatch> {
                    #decode
                }
            }

            impl __db::Stored for #ident {
                const TYPE: __db::value::SqlType = __db::value::SqlType::#sql_type;
                const CHOICES: &'static [__db::value::Choice] = &[#(#entries),*];

                fn into_value(self) -> __db::Value {
                    #into_value
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

/// How an enum is stored: the parts of the implementation that depend on it.
struct Storage {
    sql_type: TokenStream,
    decode: TokenStream,
    into_value: TokenStream,
    functions: TokenStream,
}

fn texts(choices: &[Choice<'_>]) -> Storage {
    let expected = expected(choices, |choice| choice.value.clone());
    Storage {
        sql_type: quote!(Enum),
        decode: quote!(__db::value::decode_choice(cell, #expected, Self::__named)),
        into_value: quote!(__db::Value::Text(::std::borrow::ToOwned::to_owned(self.__name()))),
        functions: TokenStream::new(),
    }
}

fn numbers(choices: &[Choice<'_>]) -> Storage {
    let numbers: Vec<i64> = choices.iter().filter_map(|choice| choice.number).collect();
    let variants: Vec<_> = choices.iter().map(|choice| choice.ident).collect();
    let fits = |least: i64, most: i64| numbers.iter().all(|number| (least..=most).contains(number));
    let sql_type = if fits(i16::MIN.into(), i16::MAX.into()) {
        quote!(SmallInt)
    } else if fits(i32::MIN.into(), i32::MAX.into()) {
        quote!(Int)
    } else {
        quote!(BigInt)
    };
    let expected =
        expected(choices, |choice| format!("{} ({})", choice.number.unwrap_or_default(), choice.value));
    Storage {
        sql_type,
        decode: quote!(__db::value::decode_numbered(cell, #expected, Self::__numbered)),
        into_value: quote!(__db::Value::Int(self.__number())),
        functions: quote! {
            const fn __number(&self) -> i64 {
                match self { #(Self::#variants => #numbers),* }
            }

            fn __numbered(number: i64) -> ::core::option::Option<Self> {
                match number {
                    #(#numbers => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        },
    }
}

fn expected(choices: &[Choice<'_>], written: impl Fn(&Choice<'_>) -> String) -> String {
    format!("one of {}", choices.iter().map(written).collect::<Vec<_>>().join(", "))
}

/// Whether `#[db(integer)]` stands above the enum.
fn is_numbered(input: &DeriveInput) -> Result<bool> {
    let mut numbered = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("db")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("integer") {
                return Err(meta.error("unknown; above a `DbEnum`, `#[db]` takes `integer`"));
            }
            numbered = true;
            Ok(())
        })?;
    }
    Ok(numbered)
}

fn choice(variant: &Variant, numbered: bool) -> Result<Choice<'_>> {
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
    let number = match &variant.discriminant {
        Some((_, number)) if numbered => Some(whole(number)?),
        None if numbered => {
            let message = format!(
                "say which number is stored: `{name} = 1`; counted by its place, it would change when a variant is added"
            );
            return Err(Error::new_spanned(variant, message));
        }
        _ => None,
    };
    Ok(Choice { ident: &variant.ident, value, label: names::label(&name), number })
}

/// A whole number as it is written, with its sign.
fn whole(number: &Expr) -> Result<i64> {
    let (sign, digits) = match number {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => ("-", &*unary.expr),
        number => ("", number),
    };
    let written = match digits {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(digits) => format!("{sign}{}", digits.base10_digits()).parse().ok(),
            _ => None,
        },
        _ => None,
    };
    written
        .ok_or_else(|| Error::new_spanned(number, "write the number itself, of at most 64 bits, such as `1`"))
}
