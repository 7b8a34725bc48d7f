//! `#[derive(Job)]`: arguments that are stored, and what holds for all jobs of the kind.

mod settings;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Path, Result, Token};

use settings::Settings;

/// Writes the trait `Job`, whose registration is one call with the function `run` of the struct.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`Job` is derived on a struct whose fields are the arguments",
        ));
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "a job cannot be generic: what is stored has to say what it is",
        ));
    }
    let settings = Settings::read(&input.ident, data, &input.attrs)?;
    let jobs = crate::root::path("jobs");
    let name = &input.ident;
    let (spec, items) = (&settings.spec, &settings.items);
    let stored = settings.stored_name(name);
    // As if it stood at the name of the struct: a missing `run` is said there.
    let registration = match settings.blocking {
        true => quote_spanned!(name.span()=> #jobs::Registration::blocking::<Self, _, _, _>(Self::run)),
        false => quote_spanned!(name.span()=> #jobs::Registration::of::<Self, _, _, _, _>(Self::run)),
    };
    Ok(quote! {
        impl #jobs::Job for #name {
            const SPEC: #jobs::JobSpec = {
                #[allow(unused_mut, reason = "a job may name no option")]
                let mut spec = #jobs::JobSpec::new(#stored);
                #(#spec)*
                spec
            };

            fn registration() -> #jobs::Registration {
                #registration
            }

            #(#items)*
        }
    })
}

/// `jobs![NotifyFollowers, digest::Weekly]`
pub(crate) fn list(paths: TokenStream) -> Result<TokenStream> {
    use syn::parse::Parser as _;

    let paths = Punctuated::<Path, Token![,]>::parse_terminated.parse2(paths)?;
    let jobs = crate::root::path("jobs");
    let registrations = paths.iter().map(|path| quote!(<#path as #jobs::Job>::registration()));
    Ok(quote!([#(#registrations),*]))
}
