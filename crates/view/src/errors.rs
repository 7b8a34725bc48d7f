//! Error pages of the application's own: `errors/404.html`, else `errors/4xx.html` or `errors/5xx.html`.
//!
//! They see `status`, `reason` (`Not Found`), `message` and `code`, and what every view sees. In development a fault of ours
//! keeps the page that shows where it comes from.

use http::HeaderValue;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Profile, Resolver};
use mainstay_http::Exchange;
use mainstay_http::render::{self, Rendered};

use crate::context;
use crate::scene::{self, Messages, Tools};
use crate::templates::Templates;

/// The page for an error, if there is a view for it.
pub(crate) fn page(error: &Error, exchange: &Exchange, resolver: &Resolver) -> Option<Rendered> {
    let templates = resolver.ready::<Templates>()?;
    let is_ours = error.status().is_server_error();
    if is_ours && resolver.ready::<Profile>().is_some_and(|profile| profile.is_development()) {
        return None;
    }
    let class = if is_ours { "5xx" } else { "4xx" };
    let names = [format!("errors/{}.html", error.status().as_u16()), format!("errors/{class}.html")];
    let name = names.iter().find(|name| templates.has(name))?;
    let about = context! {
        status => error.status().as_u16(),
        reason => error.status().canonical_reason().unwrap_or("Error"),
        message => error.message(),
        code => error.machine_code(),
    };
    let scene = scene::of(
        exchange,
        &Principal::anonymous(),
        Tools::without_forms(resolver.ready()),
        Messages::default(),
    );
    match templates.render(name, about.over(scene)) {
        Ok(page) => Some(Rendered {
            content_type: HeaderValue::from_static("text/html; charset=utf-8"),
            body: page.into_bytes(),
        }),
        // The built-in page takes its place: an error is answered in any case.
        Err(fault) => {
            render::log(&fault);
            None
        }
    }
}
