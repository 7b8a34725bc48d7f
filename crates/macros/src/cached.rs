//! `#[cached]`: an async function whose values are kept.
//!
//! `#[cached(for = "5m", tags("article:{id}"))] async fn article(id: i64, cache: &Cache, #[skip] db: &Db) -> Result<Article> { … }`
//! becomes, apart from what is asserted of its types:
//!
//! ```text
//! async fn article(id: i64, cache: &Cache, db: &Db) -> Result<Article> {
//!     async fn __mainstay_made(id: i64, cache: &Cache, db: &Db) -> Result<Article> { … }
//!     let __cache = Cache::clone(&cache);
//!     let __keep = expand::keep(300000, 0, [format!("article:{id}")]);
//!     let __key = match article::key(&id) { Ok(key) => key, Err(error) => return Err(error) };
//!     expand::remember(&__cache, &__key, __keep, async || __mainstay_made(id, cache, db).await).await
//! }
//!
//! struct article {}
//! impl article {
//!     fn key(id: &i64) -> Result<String> { expand::key("shop::article", [expand::part(id)]) }
//!     async fn forget(cache: &Cache, id: &i64) -> Result<()> { cache.forget(&Self::key(id)?).await }
//! }
//! ```
//!
//! 1. `settings`: what is written in the attribute.
//! 2. `template`: texts with arguments in them.
//! 3. `signature`: which argument is the cache, and which ones tell values apart.

mod settings;
mod signature;
mod template;

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, ItemFn, Result};

use self::settings::Settings;
use self::signature::{Part, Signature};

/// The function that is called, and the type beside it. After a mistake there is the function as it was, so that the mistake is the
/// only error that is shown.
pub(crate) fn expand(arguments: TokenStream, mut function: ItemFn) -> TokenStream {
    let marked = signature::take_marks(&mut function.sig);
    let made = Settings::read(arguments)
        .and_then(|settings| Ok((Signature::check(&function.sig, &marked, &settings)?, settings)))
        .and_then(|(signature, settings)| cached(&function, &signature, &settings));
    made.unwrap_or_else(|mistake| {
        let mistake = mistake.to_compile_error();
        quote!(#mistake #[allow(unused, reason = "it is not what it should be")] #function)
    })
}

fn cached(function: &ItemFn, signature: &Signature, settings: &Settings) -> Result<TokenStream> {
    let store = crate::root::path("store");
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, lifetimes, output) = (&sig.ident, &sig.generics, &signature.output);
    let conditions: Vec<&Attribute> =
        attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let inner = &sig.inputs;
    let outer = signature::without_mut(&sig.inputs);
    let arguments: Vec<_> = signature.arguments.iter().map(|argument| &argument.name).collect();
    let cache = &signature.cache.name;
    let own_cache = quote_spanned!(signature.cache.kind.span()=> #store::Cache::clone(&#cache));

    let parts: Vec<&Part> = signature.arguments.iter().filter(|argument| argument.is_in_key).collect();
    let part_names: Vec<_> = parts.iter().map(|part| &part.name).collect();
    let references = parts.iter().map(|part| part.reference());
    let parameters: Vec<_> = parts.iter().map(|part| part.parameter()).collect();
    let key = match &settings.key {
        Some(key) => {
            let text = key.key(&store);
            quote!(::core::result::Result::Ok(#text))
        }
        None => {
            let path = name.to_string();
            let path = path.trim_start_matches("r#");
            let parts = parts.iter().map(|part| {
                let (name, kind) = (&part.name, &part.kind);
                quote_spanned!(kind.span()=> #store::expand::part(#name))
            });
            quote!(#store::expand::key(::core::concat!(::core::module_path!(), "::", #path), [#(#parts),*]))
        }
    };
    let tags = settings.tags.iter().map(|tag| tag.text());
    let (lifetime, stale) = (settings.lifetime, settings.stale.unwrap_or(0));
    let way =
        format_ident!("{}", if settings.stale.is_some() { "stale_while_revalidate" } else { "remember" });
    let kept = quote_spanned!(output.span()=> #store::expand::#way::<#output, _>);
    let make = if settings.stale.is_some() {
        // The cache is the one argument that may be borrowed: it is cloned.
        let (own, given) = match signature.cache.is_reference() {
            true => (quote!(let #cache = ::core::clone::Clone::clone(#cache);), quote!(&#cache)),
            false => (quote!(), quote!(#cache)),
        };
        let given = signature.arguments.iter().map(|part| {
            if part.name == *cache {
                given.clone()
            } else {
                let name = &part.name;
                quote!(#name)
            }
        });
        quote! {
            #own
            let __made = async move { __mainstay_made(#(#given),*).await };
            #kept(&__cache, &__key, __keep, __made).await
        }
    } else {
        let made = quote!(async || __mainstay_made(#(#arguments),*).await);
        quote!(#kept(&__cache, &__key, __keep, #made).await)
    };
    let about = format!("What is kept of the function `{name}`.");
    Ok(quote! {
        #(#attrs)*
        #vis async fn #name #lifetimes (#outer) -> #output {
            async fn __mainstay_made #lifetimes (#inner) -> #output #block
            let __cache: #store::Cache = #own_cache;
            let __keep = #store::expand::keep(#lifetime, #stale, [#(#tags),*]);
            let __key = match #name::key(#(#references),*) {
                ::core::result::Result::Ok(key) => key,
                ::core::result::Result::Err(error) => return ::core::result::Result::Err(error),
            };
            #make
        }

        #(#conditions)*
        #[doc = #about]
        #[allow(non_camel_case_types, dead_code, reason = "it stands beside a function, whether it is used or not")]
        #vis struct #name {}

        #(#conditions)*
        #[allow(dead_code, reason = "whether it is used or not")]
        impl #name {
            /// Under which key it is.
            ///
            /// # Errors
            ///
            /// Where what tells values apart cannot be written.
            #vis fn key #lifetimes (#(#parameters),*) -> #store::expand::Result<::std::string::String> {
                #key
            }

            /// Forgets what is kept for these arguments.
            ///
            /// # Errors
            ///
            /// Where the cache is out of reach.
            #vis async fn forget #lifetimes (
                cache: &#store::Cache, #(#parameters),*
            ) -> #store::expand::Result<()> {
                match Self::key(#(#part_names),*) {
                    ::core::result::Result::Ok(key) => cache.forget(&key).await,
                    ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
                }
            }
        }
    })
}
