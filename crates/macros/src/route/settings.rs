//! What is written in `#[get(…)]`: the path, and then settings in any order.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Result, Token};

use super::pattern;
use crate::duration::{millis, number};

const KEYS: &str =
    "`name`, `tag`, `versions`, `deprecated`, `hidden`, `body_limit`, `timeout`, `cross_origin`, `hang_up`";

/// What a route is made with.
pub(super) struct Settings {
    pub(super) method: String,
    pub(super) path: LitStr,
    /// Calls on the `Route`: `.body_limit(10)`.
    pub(super) calls: Vec<TokenStream>,
    /// Statements on the `Operation`.
    pub(super) notes: Vec<TokenStream>,
}

/// `"/path"`, `key`, or `key = "text"`.
enum Argument {
    Path(LitStr),
    Setting { key: Ident, value: Option<LitStr> },
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return input.parse().map(Self::Path);
        }
        if !input.peek(Ident) {
            return Err(input.error(format!("a path in quotes, or one of {KEYS}")));
        }
        let key: Ident = input.parse()?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if !input.peek(LitStr) {
                return Err(input.error(format!("write the value of `{key}` in quotes")));
            }
            Some(input.parse()?)
        } else {
            None
        };
        Ok(Self::Setting { key, value })
    }
}

impl Settings {
    /// Reads the arguments of an attribute. `method` is none for `#[route]`, which names its own.
    pub(super) fn read(method: Option<&str>, arguments: TokenStream) -> Result<Self> {
        let arguments = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(arguments)?;
        let mut named = method.map(str::to_owned);
        let mut path = None;
        let mut seen: Vec<String> = Vec::new();
        let (mut calls, mut notes) = (Vec::new(), Vec::new());
        for argument in arguments {
            let (key, value) = match argument {
                Argument::Path(written) if path.is_none() => {
                    path = Some(written);
                    continue;
                }
                Argument::Path(second) => {
                    return Err(Error::new(
                        second.span(),
                        "a route has one path: write a second function for another",
                    ));
                }
                Argument::Setting { key, value } => (key, value),
            };
            let name = key.to_string();
            if name != "tag" && seen.contains(&name) {
                return Err(Error::new(key.span(), format!("`{name}` is set twice")));
            }
            seen.push(name.clone());
            match name.as_str() {
                "method" if method.is_none() => named = Some(token(&text(&key, value)?)?),
                "name" => {
                    let value = text(&key, value)?;
                    calls.push(quote!(.named(#value)));
                }
                "tag" => {
                    let value = text(&key, value)?;
                    notes.push(quote!(operation.tags.push(::std::string::String::from(#value));));
                }
                "versions" => calls.push(versions(&text(&key, value)?)?),
                "deprecated" => {
                    flag(&key, value)?;
                    notes.push(quote!(operation.deprecated = true;));
                }
                "hidden" => {
                    flag(&key, value)?;
                    notes.push(quote!(operation.hidden = true;));
                }
                "cross_origin" => {
                    flag(&key, value)?;
                    calls.push(quote!(.cross_origin()));
                }
                "body_limit" => {
                    let bytes = bytes(&text(&key, value)?)?;
                    calls.push(quote!(.body_limit(#bytes)));
                }
                "timeout" => calls.push(timeout(&text(&key, value)?)?),
                "hang_up" => calls.push(hang_up(&text(&key, value)?)?),
                _ => {
                    return Err(Error::new(key.span(), format!("`{name}` is no setting of a route: {KEYS}")));
                }
            }
        }
        let Some(path) = path else {
            return Err(Error::new(Span::call_site(), "a route needs a path: `\"/articles/{slug}\"`"));
        };
        pattern::check(&path)?;
        let Some(method) = named else {
            return Err(Error::new(
                Span::call_site(),
                "name the method: `#[route(\"/search\", method = \"QUERY\")]`",
            ));
        };
        Ok(Self { method, path, calls, notes })
    }
}

fn text(key: &Ident, value: Option<LitStr>) -> Result<LitStr> {
    value.ok_or_else(|| Error::new(key.span(), format!("`{key}` needs a value: `{key} = \"…\"`")))
}

fn flag(key: &Ident, value: Option<LitStr>) -> Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(Error::new(value.span(), format!("`{key}` has no value: it is there or not"))),
    }
}

/// A method is a token (RFC 9110, 5.6.2), in capitals by custom.
fn token(written: &LitStr) -> Result<String> {
    let method = written.value();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if method.is_empty() || !method.chars().all(allowed) {
        return Err(Error::new(written.span(), "this is no method: write letters, such as `QUERY`"));
    }
    if method.chars().any(|c| c.is_ascii_lowercase()) {
        let hint = format!(
            "methods tell capitals from small letters: did you mean `{}`?",
            method.to_ascii_uppercase()
        );
        return Err(Error::new(written.span(), hint));
    }
    Ok(method)
}

/// The units are those of the configuration: powers of 1000, and with an `i` powers of 1024.
fn bytes(written: &LitStr) -> Result<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("B", 1),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let text = written.value();
    number(&text)
        .and_then(|(count, unit)| {
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
            count.checked_mul(*size)
        })
        .ok_or_else(|| Error::new(written.span(), "write a number and a unit, such as `10MB` or `512KiB`"))
}

fn timeout(written: &LitStr) -> Result<TokenStream> {
    let http = crate::root::path("http");
    let text = written.value();
    if text == "never" {
        return Ok(quote!(.timeout(#http::route::Timeout::Never)));
    }
    match millis(&text) {
        Some(millis) => Ok(quote!(.timeout(::core::time::Duration::from_millis(#millis)))),
        None => Err(Error::new(
            written.span(),
            "write a number and a unit, such as `500ms`, `5s` or `2m`; or `never`",
        )),
    }
}

fn versions(written: &LitStr) -> Result<TokenStream> {
    let wrong = || {
        Error::new(
            written.span(),
            "write a version, such as `2`, or a range of them: `1..=2`, `..=2` or `2..`",
        )
    };
    let text = written.value();
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
    let range = match text.split_once("..") {
        None => {
            let only = number(&text)?;
            quote!(#only)
        }
        Some((from, "")) => {
            let from = number(from)?;
            quote!(#from..)
        }
        Some((from, to)) => {
            let to = number(to.strip_prefix('=').ok_or_else(wrong)?)?;
            if from.trim().is_empty() {
                quote!(..=#to)
            } else {
                let from = number(from)?;
                if from > to {
                    return Err(wrong());
                }
                quote!(#from..=#to)
            }
        }
    };
    Ok(quote!(.versions(#range)))
}

fn hang_up(written: &LitStr) -> Result<TokenStream> {
    let http = crate::root::path("http");
    match written.value().as_str() {
        "cancels" => Ok(quote!(.hang_up(#http::route::HangUp::Cancels))),
        "finishes" => Ok(quote!(.hang_up(#http::route::HangUp::Finishes))),
        _ => Err(Error::new(written.span(), "a hang-up `cancels` the handler, or the handler `finishes`")),
    }
}
