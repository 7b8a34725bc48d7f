//! How a macro names the framework from within a user's crate.
//!
//! Through the facade where the crate depends on `mainstay` (under whatever name), else through the crate that owns
//! the macro. The manifest is read as text: a few lines here, instead of a TOML parser in every user's build.

use std::sync::OnceLock;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

/// The path of a layer: `::mainstay::http`, or `::mainstay_http`.
pub(crate) fn path(layer: &str) -> TokenStream {
    path_at(layer, Span::call_site())
}

/// The same, as if it stood there: for errors about what follows.
pub(crate) fn path_at(layer: &str, span: Span) -> TokenStream {
    let layer = Ident::new(layer, span);
    match facade() {
        Some(facade) => {
            let facade = Ident::new(facade, span);
            quote_spanned!(span=> ::#facade::#layer)
        }
        None => {
            let owner = quote::format_ident!("mainstay_{}", layer);
            quote_spanned!(span=> ::#owner)
        }
    }
}

/// The name under which the crate that is being compiled knows the facade.
fn facade() -> Option<&'static str> {
    static FACADE: OnceLock<Option<String>> = OnceLock::new();
    FACADE
        .get_or_init(|| {
            let folder = std::env::var_os("CARGO_MANIFEST_DIR")?;
            let manifest = std::fs::read_to_string(std::path::Path::new(&folder).join("Cargo.toml")).ok()?;
            name_in(&manifest)
        })
        .as_deref()
}

fn name_in(manifest: &str) -> Option<String> {
    let mut table = "";
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_end_matches(']').trim();
            if let Some(name) = table.rsplit_once("dependencies.").map(|(_, name)| name)
                && name == "mainstay"
            {
                return Some(name.to_owned());
            }
            continue;
        }
        if !table.ends_with("dependencies") {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let name = key.trim().split('.').next().unwrap_or_default().trim_matches('"');
        let renamed = value.replace(' ', "").contains("package=\"mainstay\"");
        if name == "mainstay" || renamed {
            return Some(name.replace('-', "_"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn finds_the_facade_however_it_is_written() {
        let found = |manifest| name_in(manifest);
        assert_eq!(found("[dependencies]\nmainstay.workspace = true").as_deref(), Some("mainstay"));
        assert_eq!(found("[dependencies]\nmainstay = \"1\"").as_deref(), Some("mainstay"));
        assert_eq!(found("[dependencies.mainstay]\nversion = \"1\"").as_deref(), Some("mainstay"));
        let renamed = "[dev-dependencies]\nthe-stay = { package = \"mainstay\", version = \"1\" }";
        assert_eq!(found(renamed).as_deref(), Some("the_stay"));
    }

    #[test]
    fn takes_the_owning_crate_where_there_is_no_facade() {
        assert_eq!(name_in("[package]\nname = \"mainstay\"\n[dependencies]\nmainstay-http = \"1\""), None);
    }
}
