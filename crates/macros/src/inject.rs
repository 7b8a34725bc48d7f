//! `#[derive(Inject)]`: a struct whose fields are dependencies.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Result};

/// Writes `Injectable` as one call of the struct's own constructor. Its fields travel as one nested tuple of
/// dependencies, so a struct may have more of them than a function may have parameters.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`Inject` is derived on a struct whose fields are dependencies",
        ));
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "an injectable struct cannot be generic: the container knows types",
        ));
    }
    let core = crate::root::path("core");
    let name = &input.ident;
    let types: Vec<_> = data.fields.iter().map(|field| &field.ty).collect();
    let values: Vec<_> = (0..types.len()).map(|index| quote::format_ident!("field{index}")).collect();
    let construct = match &data.fields {
        Fields::Named(fields) => {
            let names = fields.named.iter().map(|field| &field.ident);
            quote!(#name { #(#names: #values),* })
        }
        Fields::Unnamed(_) => quote!(#name(#(#values),*)),
        Fields::Unit => quote!(#name),
    };
    // Groups of eight parameters, each a tuple: the container fills a tuple as it fills a parameter.
    let parameters =
        types.chunks(8).zip(values.chunks(8)).map(|(types, values)| quote!((#(#values,)*): (#(#types,)*)));
    // Says, at the field, what is wrong with it; the provider below would only say that a closure does not fit.
    let checks = types.iter().map(|ty| quote_spanned!(ty.span()=> is_dependency::<#ty>();));
    Ok(quote! {
        const _: fn() = || {
            fn is_dependency<T: #core::container::Dependency>() {}
            #(#checks)*
        };

        impl #core::container::Injectable for #name {
            fn provider() -> #core::container::Provider<Self> {
                #core::container::Provider::singleton(|#(#parameters),*| #construct)
            }
        }
    })
}
