//! `#[derive(Projection)]`: a struct that has some fields of another.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Path, Result, Token, Type};

/// Writes `Projection` by taking the source apart, so that a field which it does not have is one error, at that field.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(unsupported(input)),
        },
        _ => return Err(unsupported(input)),
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "a projection has no parameters"));
    }
    let source = source(input)?;
    let parts = fields.iter().map(Part::of).collect::<Result<Vec<_>>>()?;

    let (name, core) = (&input.ident, crate::root::path("core"));
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for first in parts.iter().filter_map(Part::first) {
        *uses.entry(first.to_string()).or_default() += 1;
    }
    let mut bound: Vec<&Ident> = Vec::new();
    for first in parts.iter().filter_map(Part::first) {
        if !bound.contains(&first) {
            bound.push(first);
        }
    }
    let bindings: Vec<_> = bound.iter().map(|field| binding(field)).collect();
    let computed = parts.iter().filter_map(|part| part.computed(&quote!(&__source)));
    let computed_ref: Vec<_> = parts.iter().filter_map(|part| part.computed(&quote!(__source))).collect();
    let values = parts.iter().map(|part| part.value(&core, &mut uses));
    let values: Vec<_> = values.collect();
    let values_ref = parts.iter().map(|part| part.value_ref(&core));
    Ok(quote! {
        const _: () = {
            type __Source = #source;

            #[automatically_derived]
            impl #core::Projection for #name {
                type Of = #source;

                fn of(__source: #source) -> Self {
                    #(#computed)*
                    let __Source { #(#bound: #bindings,)* .. } = __source;
                    Self { #(#values),* }
                }

                fn of_ref(__source: &#source) -> Self {
                    #(#computed_ref)*
                    let __Source { #(#bound: #bindings,)* .. } = __source;
                    Self { #(#values_ref),* }
                }
            }

            #[automatically_derived]
            impl #core::projection::Nested<#source> for #name {
                fn nested(__source: #source) -> Self {
                    #core::Projection::of(__source)
                }

                fn nested_ref(__source: &#source) -> Self {
                    #core::Projection::of_ref(__source)
                }
            }

            #[automatically_derived]
            impl ::core::convert::From<#source> for #name {
                fn from(__source: #source) -> Self {
                    #core::Projection::of(__source)
                }
            }

            #[automatically_derived]
            impl ::core::convert::From<&#source> for #name {
                fn from(__source: &#source) -> Self {
                    #core::Projection::of_ref(__source)
                }
            }
        };
    })
}

fn unsupported(input: &DeriveInput) -> Error {
    Error::new_spanned(&input.ident, "`Projection` is derived on a struct with named fields")
}

/// What the struct is a projection of.
fn source(input: &DeriveInput) -> Result<Type> {
    let mut source = None;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("projection")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("of") {
                return Err(meta.error("unknown; say `#[projection(of = User)]`"));
            }
            source = Some(meta.value()?.parse::<Type>()?);
            Ok(())
        })?;
    }
    source.ok_or_else(|| {
        Error::new_spanned(&input.ident, "say what it is a projection of: `#[projection(of = User)]`")
    })
}

/// The name of a field of the source while it is taken apart.
fn binding(field: &Ident) -> Ident {
    format_ident!("__{}", field, span = field.span())
}

/// A field of the projection.
struct Part<'f> {
    name: &'f Ident,
    ty: &'f Type,
    from: From,
}

enum From {
    /// A field of the source, and fields inside of it.
    Field { path: Vec<Ident>, nested: bool },
    /// A function of the source.
    Function(Path),
}

impl<'f> Part<'f> {
    fn of(field: &'f Field) -> Result<Self> {
        let Some(name) = &field.ident else {
            return Err(Error::new_spanned(field, "a field without a name"));
        };
        let (mut path, mut nested, mut function) = (None, None, None);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("projection")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("from") {
                    let parse = Punctuated::<Ident, Token![.]>::parse_separated_nonempty;
                    path = Some(parse(meta.value()?)?.into_iter().collect::<Vec<_>>());
                } else if meta.path.is_ident("nested") {
                    nested = Some(meta.path.clone());
                } else if meta.path.is_ident("with") {
                    function = Some(meta.value()?.parse::<Path>()?);
                } else {
                    return Err(
                        meta.error("unknown; a field takes `from = name`, `nested` and `with = function`")
                    );
                }
                Ok(())
            })?;
        }
        let from = match (path, nested, function) {
            (None, None, Some(function)) => From::Function(function),
            (Some(_), _, Some(function)) | (_, Some(_), Some(function)) => {
                return Err(Error::new_spanned(
                    function,
                    "a function makes the whole value: leave the others out",
                ));
            }
            (path, nested, None) => {
                From::Field { path: path.unwrap_or_else(|| vec![name.clone()]), nested: nested.is_some() }
            }
        };
        Ok(Self { name, ty: &field.ty, from })
    }

    /// The field of the source that it comes from, or out of.
    fn first(&self) -> Option<&Ident> {
        match &self.from {
            From::Field { path, .. } => path.first(),
            From::Function(_) => None,
        }
    }

    /// What is computed before the source is taken apart.
    fn computed(&self, source: &TokenStream) -> Option<TokenStream> {
        let From::Function(function) = &self.from else { return None };
        let value = binding(self.name);
        Some(quote_spanned!(function.span()=> let #value = #function(#source);))
    }

    /// The value, out of the source. What is needed again later is cloned.
    fn value(&self, core: &TokenStream, uses: &mut BTreeMap<String, usize>) -> TokenStream {
        let name = self.name;
        let From::Field { path, nested } = &self.from else {
            let value = binding(name);
            return quote!(#name: #value);
        };
        let left = path.first().and_then(|first| uses.get_mut(&first.to_string()));
        let needed_again = left.is_some_and(|left| {
            *left -= 1;
            *left > 0
        });
        let place = place(path);
        match (nested, needed_again) {
            (true, true) => self.nested(core, "nested_ref", &quote!(&#place)),
            (true, false) => self.nested(core, "nested", &place),
            (false, true) => quote_spanned!(name.span()=> #name: ::core::clone::Clone::clone(&#place)),
            (false, false) => quote_spanned!(name.span()=> #name: #place),
        }
    }

    /// The value of a source that stays.
    fn value_ref(&self, core: &TokenStream) -> TokenStream {
        let name = self.name;
        match &self.from {
            From::Function(_) => {
                let value = binding(name);
                quote!(#name: #value)
            }
            From::Field { path, nested } => {
                let place = place(path);
                let reference = if path.len() > 1 { quote!(&#place) } else { place };
                if *nested {
                    self.nested(core, "nested_ref", &reference)
                } else {
                    quote_spanned!(name.span()=> #name: ::core::clone::Clone::clone(#reference))
                }
            }
        }
    }

    fn nested(&self, core: &TokenStream, method: &str, place: &TokenStream) -> TokenStream {
        let (name, ty, method) = (self.name, self.ty, Ident::new(method, self.ty.span()));
        quote_spanned!(ty.span()=> #name: <#ty as #core::projection::Nested<_>>::#method(#place))
    }
}

fn place(path: &[Ident]) -> TokenStream {
    let first = path.iter().take(1).map(binding);
    let rest = path.iter().skip(1);
    quote!(#(#first)* #(.#rest)*)
}
