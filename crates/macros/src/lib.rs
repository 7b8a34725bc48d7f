//! The macros of Mainstay. Each emits a thin call into ordinary, documented functions of the crate that owns it; what
//! one expands to fits on a screen.

mod entry;
mod inject;
mod root;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Turns a function that returns an `App` into a program with commands.
///
/// The function stays, so that tests can start `app()`; a `main` is added that runs it. The package's name and version
/// become the application's.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    entry::expand(&arguments.into(), &function).into()
}

/// Makes a struct injectable: its fields are its dependencies, each an `Inject<T>` or an `Option<Inject<T>>`.
/// Provide it with `.provide(T::provider())`.
#[proc_macro_derive(Inject)]
pub fn inject(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(inject::expand(&input))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
