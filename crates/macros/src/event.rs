//! `#[derive(Event)]`: something that has happened.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, LitInt, LitStr, Path, Result, Token, parenthesized};

/// Writes `Event` with the name, the version and the key that are said.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "an event has no parameters: what is stored has one form"));
    }
    let said = Said::of(input)?;
    let key = said.key.as_deref().map(|fields| key(input, fields)).transpose()?;
    let (name, event, bus) = (&input.ident, &said.name, crate::root::path("bus"));
    let version = said.version.map(|version| quote!(const VERSION: u32 = #version;));
    let upgrade = said.upgrade.map(|function| upgrade(&function, &bus));
    Ok(quote! {
        #[automatically_derived]
        impl #bus::Event for #name {
            const NAME: &'static str = #event;
            #version
            #key
            #upgrade
        }
    })
}

/// What the attribute says.
struct Said {
    name: LitStr,
    version: Option<u32>,
    key: Option<Vec<Ident>>,
    /// The function that reads what earlier versions have stored.
    upgrade: Option<Path>,
}

impl Said {
    fn of(input: &DeriveInput) -> Result<Self> {
        let (mut name, mut version, mut key, mut upgrade) = (None, None, None, None);
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    let literal: LitStr = meta.value()?.parse()?;
                    if literal.value().is_empty() || literal.value().len() > 100 {
                        return Err(Error::new_spanned(literal, "a name has 1 to 100 bytes"));
                    }
                    name = Some(literal);
                } else if meta.path.is_ident("version") {
                    let literal: LitInt = meta.value()?.parse()?;
                    match literal.base10_parse::<u32>() {
                        Ok(number) if number > 0 => version = Some(number),
                        _ => return Err(Error::new_spanned(literal, "a version is a number from 1")),
                    }
                } else if meta.path.is_ident("key") {
                    let value = meta.value()?;
                    key = Some(if value.peek(syn::token::Paren) {
                        let fields;
                        parenthesized!(fields in value);
                        Punctuated::<Ident, Token![,]>::parse_terminated(&fields)?.into_iter().collect()
                    } else {
                        vec![value.parse()?]
                    });
                } else if meta.path.is_ident("upgrade") {
                    upgrade = Some(meta.value()?.parse::<Path>()?);
                } else {
                    return Err(meta.error("unknown; an event takes `name`, `version`, `upgrade` and `key`"));
                }
                Ok(())
            })?;
        }
        let name = name.ok_or_else(|| {
            let told = "say what it is called where it is stored: `#[event(name = \"article.published\")]`";
            Error::new_spanned(&input.ident, told)
        })?;
        if let (Some(upgrade), None) = (&upgrade, version) {
            return Err(Error::new_spanned(upgrade, "say the `version` that `upgrade` makes: `version = 2`"));
        }
        Ok(Self { name, version, key, upgrade })
    }
}

/// The function `upgrade`, which calls this one.
fn upgrade(function: &Path, bus: &TokenStream) -> TokenStream {
    quote_spanned! {function.span()=>
        fn upgrade(version: u32, stored: #bus::__private::Value) -> #bus::__private::Result<#bus::__private::Value> {
            #function(version, stored)
        }
    }
}

/// The function `key`.
fn key(input: &DeriveInput, fields: &[Ident]) -> Result<TokenStream> {
    let Some(first) = fields.first() else {
        return Err(Error::new_spanned(&input.ident, "a key has a field: `key = article`"));
    };
    let arms = match &input.data {
        Data::Struct(data) => vec![arm(&quote!(Self), &input.ident, &data.fields, fields)?],
        Data::Enum(data) => {
            let arms = data.variants.iter().map(|variant| {
                let name = &variant.ident;
                arm(&quote!(Self::#name), name, &variant.fields, fields)
            });
            arms.collect::<Result<_>>()?
        }
        Data::Union(_) => return Err(Error::new_spanned(&input.ident, "an event is a struct or an enum")),
    };
    let span = first.span();
    Ok(quote_spanned! {span=>
        fn key(&self) -> ::core::option::Option<::std::string::String> {
            ::core::option::Option::Some(match self { #(#arms)* })
        }
    })
}

/// The key of a struct or of one variant: its fields, with a `/` between them.
fn arm(path: &TokenStream, owner: &Ident, has: &Fields, fields: &[Ident]) -> Result<TokenStream> {
    for field in fields {
        if !has.iter().any(|one| one.ident.as_ref() == Some(field)) {
            return Err(Error::new_spanned(field, format!("`{owner}` has no field `{field}`")));
        }
    }
    let bound: Vec<_> =
        fields.iter().map(|field| format_ident!("__{}", field, span = field.span())).collect();
    let text = vec!["{}"; fields.len()].join("/");
    // At the field, since one that cannot be written is named there.
    let values = bound.iter().map(|value| quote_spanned!(value.span()=> #value));
    Ok(quote!(#path { #(#fields: #bound,)* .. } => ::std::format!(#text, #(#values),*),))
}
