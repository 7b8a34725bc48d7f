//! `views!()`: the files below the folder `views/`, embedded.
//!
//! Cargo compiles again when a file changes that was embedded. A new one is noticed with whatever first names it: a handler, or
//! another view.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

const FOLDER: &str = "views";

/// The views of the crate that is being compiled.
pub(crate) fn embed(arguments: &TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "`views!()` takes no arguments: the files are in the folder `views`",
        ));
    }
    let home = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let mut names = Vec::new();
    find(&home.join(FOLDER), "", &mut names).map_err(|fault| {
        Error::new(Span::call_site(), format!("the folder `{FOLDER}` cannot be read: {fault}"))
    })?;
    names.sort();
    let view = crate::root::path("view");
    let files = names.iter().map(|name| {
        let path = LitStr::new(&format!("/{FOLDER}/{name}"), Span::call_site());
        quote!((#name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), #path))))
    });
    Ok(quote! {
        #view::ViewFolder::embedded(concat!(env!("CARGO_MANIFEST_DIR"), "/views"), &[#(#files),*])
    })
}

/// The names of the files below a folder, relative to it. What begins with a dot is of editors and systems.
fn find(folder: &Path, within: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{within}{name}");
        if entry.path().is_dir() {
            find(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
