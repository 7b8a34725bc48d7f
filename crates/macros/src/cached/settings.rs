//! What is written in `#[cached(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Result, Token};

use super::template::Template;
use crate::duration::millis;

const KEYS: &str = "`for`, `stale`, `key`, `tags`";

/// How values are kept.
pub(super) struct Settings {
    /// In milliseconds.
    pub(super) lifetime: u64,
    /// In milliseconds.
    pub(super) stale: Option<u64>,
    pub(super) key: Option<Template>,
    pub(super) tags: Vec<Template>,
}

/// `name = "text"`, or `tags("text", …)`.
struct Setting {
    name: Ident,
    values: Vec<LitStr>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        // `for` is a keyword.
        let name =
            Ident::parse_any(input).map_err(|error| Error::new(error.span(), format!("one of {KEYS}")))?;
        if name == "tags" {
            if !input.peek(syn::token::Paren) {
                return Err(Error::new(name.span(), "write `tags(\"articles\", \"article:{id}\")`"));
            }
            let inner;
            syn::parenthesized!(inner in input);
            let values = Punctuated::<LitStr, Token![,]>::parse_terminated(&inner)?.into_iter().collect();
            return Ok(Self { name, values });
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(name.span(), format!("`{name}` needs a value: `{name} = \"…\"`")));
        }
        input.parse::<Token![=]>()?;
        if !input.peek(LitStr) {
            return Err(input.error(format!("write the value of `{name}` in quotes")));
        }
        Ok(Self { name, values: vec![input.parse()?] })
    }
}

impl Settings {
    /// Reads the arguments of an attribute.
    pub(super) fn read(arguments: TokenStream) -> Result<Self> {
        let settings = Punctuated::<Setting, Token![,]>::parse_terminated.parse2(arguments)?;
        let (mut lifetime, mut stale, mut key, mut tags) = (None, None, None, None);
        for Setting { name, values } in settings {
            let written = name.to_string();
            let is_new = match (written.as_str(), values.first()) {
                ("for", Some(value)) => lifetime.replace(duration(value)?).is_none(),
                ("stale", Some(value)) => stale.replace(duration(value)?).is_none(),
                ("key", Some(value)) => key.replace(Template::key_of(value)?).is_none(),
                ("tags", _) => {
                    let read = values.iter().map(Template::of).collect::<Result<Vec<_>>>()?;
                    tags.replace(read).is_none()
                }
                _ => {
                    let what = format!("`{written}` is no setting of a cached function: {KEYS}");
                    return Err(Error::new(name.span(), what));
                }
            };
            if !is_new {
                return Err(Error::new(name.span(), format!("`{written}` is set twice")));
            }
        }
        let lifetime = lifetime.ok_or_else(|| {
            Error::new(Span::call_site(), "say how long it is kept: `#[cached(for = \"5m\")]`")
        })?;
        Ok(Self { lifetime, stale, key, tags: tags.unwrap_or_default() })
    }
}

fn duration(written: &LitStr) -> Result<u64> {
    millis(&written.value())
        .ok_or_else(|| Error::new(written.span(), "write a number and a unit, such as `30s`, `5m` or `1h`"))
}
