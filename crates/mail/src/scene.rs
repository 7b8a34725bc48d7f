//! What the views of mails see, besides what they are given.
//!
//! | name | what |
//! |---|---|
//! | `absolute_url_for("reset", token="…")` | the address of a named route, as it leads there from elsewhere |
//! | `absolute_url("/account")` | the same for a path |
//! | `subject` | what the mail is about, in `.html` |
//! | `locale` | the language of the mail, where it says one; what translates in a view goes by it |
//!
//! There is no request: nothing in a mail depends on who asked for it, and least of all the host of its links.

use mainstay_http::Links;
use mainstay_view::minijinja::value::{Kwargs, Value};
use mainstay_view::minijinja::{Error, ErrorKind};
use mainstay_view::{Context, address_with};

/// What a view is given, and this.
pub(crate) fn with(context: Context, links: &Links) -> Context {
    let (by_route, by_path) = (links.clone(), links.clone());
    let for_route = move |name: &str, given: Kwargs| {
        address_with(&given, |parameters| by_route.to_route(name, parameters))
    };
    context
        .with("absolute_url_for", Value::from_function(for_route))
        .with("absolute_url", Value::from_function(move |path: &str| by_path.to(path).map_err(failed)))
}

fn failed(error: mainstay_core::Error) -> Error {
    Error::new(ErrorKind::InvalidOperation, error.report())
}
