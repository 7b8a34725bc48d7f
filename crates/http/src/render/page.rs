//! The error page for people: what happened in one sentence, and the id to tell the people who read the log. Nothing of
//! the inside.

use mainstay_core::Error;

use super::escape;
use crate::exchange::Exchange;

/// The page. Its only style is in an element with our nonce, so it is styled under our own policy.
pub(super) fn write(error: &Error, exchange: &Exchange) -> String {
    let status = error.status();
    document(
        &format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error")),
        STYLE,
        &exchange.nonce(),
        &format!(
            "<main><p class=status>{}</p><h1>{}</h1><p>{}</p><p class=id>Request {}</p></main>",
            status.as_u16(),
            escape(status.canonical_reason().unwrap_or("Error")),
            escape(error.message()),
            escape(exchange.id().text().as_str()),
        ),
    )
}

/// A whole document.
pub(super) fn document(title: &str, style: &str, nonce: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <meta name=robots content=noindex><title>{}</title><style nonce=\"{nonce}\">{style}</style></head>\
         <body>{body}</body></html>",
        escape(title)
    )
}

const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:1rem/1.6 system-ui,sans-serif}\
main{max-width:32rem;padding:2rem;text-align:center}\
h1{margin:.2rem 0 .8rem;font-size:1.6rem;font-weight:600}\
.status{margin:0;font-size:4rem;line-height:1;font-weight:200;opacity:.55}\
.id{margin-top:2rem;font:.8rem ui-monospace,monospace;opacity:.6;overflow-wrap:anywhere}";
