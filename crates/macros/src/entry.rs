//! `#[main]`: the program around an application.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result, ReturnType};

/// Keeps the function, and adds a `main` that runs what it returns. A mistake is the only error that is shown: the
/// function and a `main` are there all the same.
pub(crate) fn expand(arguments: &TokenStream, function: &ItemFn) -> TokenStream {
    match program(arguments, function) {
        Ok(program) => quote!(#function #program),
        Err(mistake) => {
            let mistake = mistake.to_compile_error();
            let main = (function.sig.ident != "main").then(|| {
                quote!(
                    fn main() {}
                )
            });
            quote!(#mistake #[allow(dead_code)] #function #main)
        }
    }
}

fn program(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[main]` takes no arguments"));
    }
    let signature = &function.sig;
    if let Some(asyncness) = &signature.asyncness {
        return Err(Error::new_spanned(
            asyncness,
            "an application is a value and building it does no I/O: drop `async`, and do what waits in a provider \
             or a start hook",
        ));
    }
    if let Some(argument) = signature.inputs.first() {
        return Err(Error::new_spanned(argument, "this function takes no parameters"));
    }
    if let Some(parameter) = signature.generics.params.first() {
        return Err(Error::new_spanned(parameter, "this function cannot be generic"));
    }
    if signature.ident == "main" {
        return Err(Error::new_spanned(
            &signature.ident,
            "call it `app`: `main` is what this attribute writes, and tests start `app()`",
        ));
    }
    if matches!(signature.output, ReturnType::Default) {
        return Err(Error::new_spanned(signature, "return the application: `fn app() -> App`"));
    }
    let core = crate::root::path("core");
    let app = &signature.ident;
    Ok(quote! {
        fn main() -> ::std::process::ExitCode {
            #core::lifecycle::run(#app(), env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        }
    })
}
