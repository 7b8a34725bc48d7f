//! `#[get]` and its siblings, and `routes![]`: a route from a function.
//!
//! The function stays as it is. Beside it there is a second one that returns its `Route`, by calling what anybody could
//! call. `#[get("/articles/{slug}")] async fn show(slug: Path<String>) -> Result<Json<Article>>` becomes, apart from the
//! function itself:
//!
//! ```text
//! fn __mainstay_route_show() -> Route {
//!     fn describe(operation: &mut Operation) {
//!         operation.document("Shows an article.");
//!         describe_argument!(Path<String>, operation);
//!         describe_response!(Result<Json<Article>>, operation);
//!     }
//!     Route::described(method("GET"), "/articles/{slug}", show, describe)
//! }
//! const _: () = { /* each argument is an extractor, the future is Send: see `signature` */ };
//! ```
//!
//! 1. `settings`: what is written in the attribute.
//! 2. `pattern`: the path, checked here so that a mistake is shown where it is written.
//! 3. `signature`: what makes a function a handler.
//! 4. `errors`: `#[errors(NotFound, …)]`.

mod errors;
mod pattern;
mod settings;
mod signature;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, ItemFn, Lit, Meta, Path, Result, Token};

pub(crate) use self::errors::misplaced as errors_misplaced;
use self::settings::Settings;
use self::signature::Signature;

/// Keeps the function, and adds one that returns its route. After a mistake both are there all the same, so that the
/// mistake is the only error that is shown.
pub(crate) fn expand(method: Option<&str>, arguments: TokenStream, mut function: ItemFn) -> TokenStream {
    let errors = errors::take(&mut function);
    let made = errors.and_then(|errors| {
        let settings = Settings::read(method, arguments)?;
        let signature = Signature::check(&function.sig)?;
        Ok((settings, signature, errors))
    });
    let http = crate::root::path("http");
    let (visibility, name, hidden) = (&function.vis, &function.sig.ident, hidden(&function.sig.ident));
    let conditions: Vec<&Attribute> =
        function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let (body, assertions) = match &made {
        Ok((settings, signature, errors)) => {
            (route(&http, &function, settings, signature, errors), signature.assertions(&http, name))
        }
        Err(mistake) => (quote!(::core::unreachable!()), mistake.to_compile_error()),
    };
    quote! {
        #function

        #(#conditions)*
        #[doc(hidden)]
        #[allow(deprecated, reason = "the route of a deprecated handler is not called by anybody")]
        #visibility fn #hidden() -> #http::Route {
            #body
        }

        #(#conditions)*
        #assertions
    }
}

fn route(
    http: &TokenStream,
    function: &ItemFn,
    settings: &Settings,
    signature: &Signature,
    errors: &[TokenStream],
) -> TokenStream {
    let Settings { method, path, calls, notes } = settings;
    let name = &function.sig.ident;
    let handler = name.to_string();
    let handler = handler.trim_start_matches("r#");
    let arguments = signature.arguments();
    let response = signature.response(http);
    let document = documentation(&function.attrs).map(|text| quote!(operation.document(#text);));
    let deprecated = function.attrs.iter().any(|attribute| attribute.path().is_ident("deprecated"));
    let deprecated = deprecated.then(|| quote!(operation.deprecated = true;));
    quote! {
        fn describe(operation: &mut #http::describe::Operation) {
            operation.name = ::std::string::String::from(#handler);
            #document
            #deprecated
            #(#notes)*
            #(#http::describe::probe::describe_argument!(#arguments, operation);)*
            #response
            #(operation.error(#http::expand::error #errors);)*
        }
        #http::Route::described(#http::expand::method(#method), #path, #name, describe) #(#calls)*
    }
}

/// The function that returns the route of a handler.
fn hidden(name: &Ident) -> Ident {
    format_ident!("__mainstay_route_{}", name, span = name.span())
}

/// `routes![list, articles::show]`
pub(crate) fn list(paths: TokenStream) -> Result<TokenStream> {
    let paths = Punctuated::<Path, Token![,]>::parse_terminated.parse2(paths)?;
    let http = crate::root::path("http");
    let routes = paths.into_iter().map(|mut path| {
        if let Some(last) = path.segments.last_mut() {
            last.ident = hidden(&last.ident);
        }
        path
    });
    Ok(quote!(#http::Routes::new()#(.route(#routes()))*))
}

/// The doc comment, without the space that follows the slashes.
fn documentation(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.strip_prefix(' ').map(str::to_owned).unwrap_or(line))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
