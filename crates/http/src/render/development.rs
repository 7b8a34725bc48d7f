//! The error page for developers: what, why, where in the source, and what was asked. Only in the development profile.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderMap;
use mainstay_core::{Error, redaction};

use super::escape;
use super::page::document;
use crate::describe::Operation;
use crate::exchange::Exchange;
use crate::route::RouteInfo;
use crate::stack::panic::Panicked;

/// How many lines of source to show before and after.
const AROUND: usize = 7;

/// The page.
pub(super) async fn write(error: &Error, exchange: &Exchange, routes: &[Arc<RouteInfo>]) -> String {
    let status = error.status();
    let mut body = format!(
        "<header><p class=status>{} {}</p><h1>{}</h1><p class=code>{}</p></header>",
        status.as_u16(),
        escape(status.canonical_reason().unwrap_or("Error")),
        escape(&headline(error)),
        escape(error.machine_code()),
    );
    body.push_str(&chain(error));
    if exchange.route().is_none() {
        body.push_str(&list(routes));
    } else {
        let (file, line) = place(error);
        body.push_str(&source(&file, line).await);
    }
    body.push_str(&request(exchange));
    document(&headline(error), STYLE, &exchange.nonce(), &body)
}

/// The innermost thing that was said about it: the public text of a 500 says nothing to a developer.
fn headline(error: &Error) -> String {
    if let Some(panic) = error.source_as::<Panicked>() {
        return panic.message.clone();
    }
    if !error.status().is_server_error() {
        return error.message().to_owned();
    }
    match (error.notes().first(), error.source()) {
        (_, Some(cause)) => cause.to_string(),
        (Some(note), None) => note.clone(),
        (None, None) => error.message().to_owned(),
    }
}

/// A panic's own place, or where the error was made.
fn place(error: &Error) -> (String, u32) {
    match error.source_as::<Panicked>() {
        Some(panic) if !panic.file.is_empty() => (panic.file.clone(), panic.line),
        _ => (error.place().file().to_owned(), error.place().line()),
    }
}

fn chain(error: &Error) -> String {
    let mut items = String::new();
    let mut item = |label: &str, text: &str| {
        let _ = write!(items, "<li><span>{label}</span>{}</li>", escape(text));
    };
    item("shown to the client", error.message());
    for note in error.notes().iter().rev() {
        item("while", note);
    }
    let mut cause = error.source().map(|cause| cause as &(dyn StdError + 'static));
    while let Some(known) = cause {
        item("because", &known.to_string());
        cause = known.source();
    }
    for fault in error.faults() {
        item(&fault.pointer, &fault.message);
    }
    format!("<section><h2>What went wrong</h2><ol class=chain>{items}</ol></section>")
}

async fn source(file: &str, line: u32) -> String {
    let mut html = format!("<section><h2>Where</h2><p class=place>{}:{line}</p>", escape(file));
    if let Some(text) = read(file).await {
        let wanted = usize::try_from(line).unwrap_or(1).max(1);
        let first = wanted.saturating_sub(AROUND).max(1);
        html.push_str("<pre>");
        for (index, code) in text.lines().enumerate().skip(first - 1).take(wanted + AROUND + 1 - first) {
            let number = index + 1;
            let tag = if number == wanted { "mark" } else { "span" };
            let _ = write!(html, "<{tag}><b>{number:>5}</b> {}\n</{tag}>", escape(code));
        }
        html.push_str("</pre>");
    }
    html.push_str("</section>");
    html
}

/// The compiler names files relative to the workspace; the program may run in a package within it.
async fn read(file: &str) -> Option<String> {
    let path = Path::new(file);
    if path.is_absolute() {
        return tokio::fs::read_to_string(path).await.ok();
    }
    let here = std::env::current_dir().ok()?;
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    for folder in package.iter().chain([&here]).flat_map(|start| start.ancestors().take(4)) {
        if let Ok(text) = tokio::fs::read_to_string(folder.join(path)).await {
            return Some(text);
        }
    }
    None
}

/// What there is, for whoever asked for something else.
fn list(routes: &[Arc<RouteInfo>]) -> String {
    let mut rows = String::new();
    for route in routes {
        let Operation { name, source, .. } = &route.operation;
        let _ = write!(
            rows,
            "<tr><th>{}</th><td>{}</td><td>{} ({}:{})</td></tr>",
            escape(route.method_name()),
            escape(route.pattern()),
            escape(name),
            escape(source.file),
            source.line
        );
    }
    format!("<section><h2>Routes</h2><table>{rows}</table></section>")
}

fn request(exchange: &Exchange) -> String {
    let mut rows = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = write!(rows, "<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value));
    };
    row("request", &format!("{} {}", exchange.method(), exchange.shown_address()));
    row("id", exchange.id().text().as_str());
    if let Some(route) = exchange.route() {
        let operation = &route.operation;
        let source = operation.source;
        row("route", &format!("{} {}", route.method_name(), route.pattern()));
        row("handler", &format!("{} ({}:{})", operation.name, source.file, source.line));
        row("module", &route.module);
    }
    if let Some(client) = exchange.client() {
        row("client", &client.to_string());
    }
    if let Some(headers) = exchange.kept_headers() {
        for (name, value) in shown(headers) {
            row(&name, &value);
        }
    }
    format!("<section><h2>Request</h2><table>{rows}</table></section>")
}

/// Secrets are never shown, not even here: pages end up in screenshots.
fn shown(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    headers.iter().map(|(name, value)| {
        let value = if value.is_sensitive() || redaction::is_secret(name.as_str()) {
            redaction::MASK.to_owned()
        } else {
            redaction::address(&String::from_utf8_lossy(value.as_bytes())).into_owned()
        };
        (name.to_string(), value)
    })
}

const STYLE: &str = ":root{color-scheme:light dark;--line:#8884;--hot:#d33}\
body{margin:0 auto;max-width:70rem;padding:2rem;font:1rem/1.5 system-ui,sans-serif}\
header{border-left:.4rem solid var(--hot);padding-left:1rem}\
.status{margin:0;color:var(--hot);font-weight:600}\
h1{margin:.2rem 0;font-size:1.5rem;overflow-wrap:anywhere}\
.code,.place{margin:.2rem 0;font:.9rem ui-monospace,monospace;opacity:.7}\
h2{margin:2rem 0 .5rem;font-size:1rem}\
.chain{margin:0;padding:0;list-style:none}\
.chain li{padding:.3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
.chain span{display:inline-block;min-width:11rem;opacity:.6}\
pre{margin:.5rem 0;padding:.5rem 0;overflow-x:auto;border:1px solid var(--line);border-radius:.4rem;\
font:.85rem/1.55 ui-monospace,monospace}\
pre span,pre mark{display:block;padding:0 .8rem;color:inherit;background:none}\
pre mark{background:#d332;box-shadow:inset .25rem 0 var(--hot)}\
pre b{font-weight:400;opacity:.5;user-select:none}\
table{border-collapse:collapse;width:100%;font:.85rem ui-monospace,monospace}\
th,td{padding:.25rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);\
overflow-wrap:anywhere}th{width:12rem;font-weight:400;opacity:.6}";
