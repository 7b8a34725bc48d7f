//! `migrations!()`: the files of the folder `migrations/`, embedded; `migrations!("part")`: those of `migrations/part/`.
//!
//! Cargo compiles again when a file changes that was embedded. A new one would escape it; but `makemigrations` writes each
//! into the list of `snapshot.toml`, which is embedded too, and touches the source file when the folder is new.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

const FOLDER: &str = "migrations";
const SNAPSHOT: &str = "snapshot";

/// The set of migrations of the crate that is being compiled, or of a part of it.
pub(crate) fn embed(arguments: TokenStream) -> Result<TokenStream> {
    let part: Option<LitStr> = match arguments.is_empty() {
        true => None,
        false => Some(syn::parse2(arguments)?),
    };
    let (folder, package) = match &part {
        None => (FOLDER.to_owned(), quote!(env!("CARGO_PKG_NAME"))),
        Some(part) => {
            let name = part.value();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let told = "the name of a folder in `migrations`: letters, digits and `_`";
                return Err(Error::new_spanned(part, told));
            }
            (format!("{FOLDER}/{name}"), quote!(concat!(env!("CARGO_PKG_NAME"), "/", #name)))
        }
    };
    let home = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let names = names(&home.join(&folder)).map_err(|fault| {
        Error::new(Span::call_site(), format!("the folder `{folder}` cannot be read: {fault}"))
    })?;
    if part.is_some() && names.is_empty() {
        return Err(Error::new_spanned(part, format!("the folder `{folder}` has no migrations")));
    }
    let db = crate::root::path("db");
    let source = proc_macro::Span::call_site().local_file().and_then(|file| file.canonicalize().ok());
    let source = source.as_deref().and_then(Path::to_str).unwrap_or_default();
    let path = |name: &str| LitStr::new(&format!("/{folder}/{name}.toml"), Span::call_site());
    let tracked = names.iter().any(|name| name == SNAPSHOT).then(|| {
        let path = path(SNAPSHOT);
        quote!(
            const _: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), #path));
        )
    });
    let files = names.iter().filter(|name| *name != SNAPSHOT).map(|name| {
        let path = path(name);
        quote!((#name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), #path))))
    });
    let folder = LitStr::new(&format!("/{folder}"), Span::call_site());
    Ok(quote! {{
        #tracked
        #db::Migrations::embedded(
            #package,
            concat!(env!("CARGO_MANIFEST_DIR"), #folder),
            #source,
            &[#(#files),*],
        )
    }})
}

/// The names of the files, in order; none where there is no folder yet.
fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
