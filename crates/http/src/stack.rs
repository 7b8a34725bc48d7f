//! The default stack: one fused layer of named, ordered, synchronous parts around every request.
//!
//! Ordinary tower layers, stacked this deep, cost several times what the request itself does. So there is one future
//! for all of them. A part is a [`Hook`] with two plain methods: [`before`](Hook::before) the handler, which may answer
//! in its place, and [`after`](Hook::after) it. Four parts have to be around the handler's future itself, and are built
//! in: the span, the capture of panics, the time-out, and the principal.
//!
//! In the order in which a request meets them (and a response meets them the other way round):
//!
//! | name | before | after |
//! |---|---|---|
//! | `request-id` | takes over the id of a trusted proxy | adds `X-Request-Id` |
//! | `trace` | opens the span `request`, continues `traceparent` | records the status |
//! | `metrics` | | counts by route and status class, sums durations |
//! | `proxies` | believes trusted proxies about client, scheme, host | |
//! | `hosts` | refuses hosts that are not ours | |
//! | `headers` | | adds the security headers, with a CSP nonce if one was asked for |
//! | `cors` | answers preflights | adds the CORS headers; there only if configured |
//! | `compression` | looks at `Accept-Encoding` | compresses what is worth it |
//! | `panic` | turns a panic into a 500 | |
//! | `timeout` | turns too long a wait for the response's head into a 503 | |
//! | `body-limit` | refuses or cuts off too large a body | |
//! | `csrf` | refuses cross-origin requests that change something | |
//! | `principal` | asks the authenticators who it is | |
//!
//! Every `after` runs on every response, also where a part before it has answered, or the handler has panicked: so
//! each response has its headers. Errors are rendered (see [`render`](crate::render)) before the first `after` sees
//! the response.
//!
//! A part is taken out, replaced or added by name:
//!
//! ```
//! use mainstay_http::stack::Stack;
//!
//! fn edit(stack: Stack) -> Stack {
//!     stack.remove("csrf")
//! }
//! ```
//!
//! Taking a protection out is a finding of `check --deploy`.

pub mod body_limit;
pub mod compression;
pub mod cors;
pub mod csrf;
pub mod headers;
pub mod hosts;
pub mod metrics;
pub(crate) mod panic;
pub mod principal;
pub mod proxies;
pub mod request_id;
pub(crate) mod run;
pub(crate) mod trace;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use mainstay_core::config::nearest;
use mainstay_core::{Error, Finding, Findings};

use crate::exchange::Exchange;

pub(crate) use self::headers::nonce;

/// A part of the stack: what happens before and after the handler of every request. Both halves are synchronous; what
/// has to wait is a [middleware](crate::middleware).
pub trait Hook: Send + Sync + 'static {
    /// Looks at the request. It may note things in the exchange, change the request, or answer it.
    fn before(&self, _exchange: &mut Exchange, _request: &mut Request) -> Flow {
        Flow::Continue
    }

    /// Looks at the response, whoever made it.
    fn after(&self, _exchange: &Exchange, _response: &mut Response) {}
}

/// Whether a request goes on.
#[derive(Debug)]
pub enum Flow {
    /// To the next part.
    Continue,
    /// No further: this is the answer.
    Answer(Box<Response>),
}

impl From<Error> for Flow {
    fn from(error: Error) -> Self {
        Self::Answer(Box::new(error.into_response()))
    }
}

impl From<Response> for Flow {
    fn from(response: Response) -> Self {
        Self::Answer(Box::new(response))
    }
}

/// The parts of a stack, in order.
#[derive(Clone)]
pub struct Stack {
    parts: Vec<Part>,
    removed: Vec<&'static str>,
    mistakes: Vec<String>,
}

#[derive(Clone)]
struct Part {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Hook(Arc<dyn Hook>),
    BuiltIn,
    /// Known by name, and switched off by the configuration.
    Off,
}

/// The parts that are around the handler's future.
const BUILT_IN: [&str; 4] = ["trace", "panic", "timeout", "principal"];

/// Parts that protect, with what is lost without them.
const PROTECTIONS: [(&str, &str); 6] = [
    ("hosts", "any `Host` header is believed: links and caches can be poisoned, and DNS rebinding works"),
    ("headers", "browsers get no security headers"),
    ("panic", "a panic in a handler closes the connection without an answer"),
    ("timeout", "a handler that hangs holds its connection for ever"),
    ("body-limit", "request bodies may be of any size"),
    ("csrf", "other sites can send requests in the name of a visitor"),
];

impl Stack {
    /// An empty stack.
    pub fn empty() -> Self {
        Self { parts: Vec::new(), removed: Vec::new(), mistakes: Vec::new() }
    }

    /// Adds a part at the inner end, next to the handler.
    #[must_use]
    pub fn push(mut self, name: &'static str, hook: impl Hook) -> Self {
        self.parts.push(Part { name, kind: Kind::Hook(Arc::new(hook)) });
        self
    }

    pub(crate) fn push_built_in(mut self, name: &'static str) -> Self {
        self.parts.push(Part { name, kind: Kind::BuiltIn });
        self
    }

    /// Keeps the place of a part that the configuration has switched off.
    pub(crate) fn push_off(mut self, name: &'static str) -> Self {
        self.parts.push(Part { name, kind: Kind::Off });
        self
    }

    /// Takes a part out.
    #[must_use]
    pub fn remove(mut self, name: &str) -> Self {
        if let Some(index) = self.find("remove", name) {
            self.removed.push(self.parts.remove(index).name);
        }
        self
    }

    /// Takes everything out: for measuring, and for a server whose protections are all in front of it.
    #[must_use]
    pub fn clear(mut self) -> Self {
        self.removed.extend(self.parts.drain(..).map(|part| part.name));
        self
    }

    /// Puts another hook in the place of a part.
    #[must_use]
    pub fn replace(mut self, name: &str, hook: impl Hook) -> Self {
        if let Some(index) = self.find("replace", name) {
            self.parts[index].kind = Kind::Hook(Arc::new(hook));
        }
        self
    }

    /// Adds a part outside of another: it sees the request before it.
    #[must_use]
    pub fn insert_before(mut self, other: &str, name: &'static str, hook: impl Hook) -> Self {
        if let Some(index) = self.find("insert before", other) {
            self.parts.insert(index, Part { name, kind: Kind::Hook(Arc::new(hook)) });
        }
        self
    }

    /// Adds a part inside of another: it sees the request after it.
    #[must_use]
    pub fn insert_after(mut self, other: &str, name: &'static str, hook: impl Hook) -> Self {
        if let Some(index) = self.find("insert after", other) {
            self.parts.insert(index + 1, Part { name, kind: Kind::Hook(Arc::new(hook)) });
        }
        self
    }

    /// The names of the parts, in the order in which a request meets them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.parts.iter().map(|part| part.name)
    }

    /// Whether a part is there.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    fn find(&mut self, verb: &str, name: &str) -> Option<usize> {
        let found = self.parts.iter().position(|part| part.name == name);
        if found.is_none() {
            let hint = match nearest(name, self.names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", self.names().collect::<Vec<_>>().join(", ")),
            };
            self.mistakes.push(format!("cannot {verb} `{name}`, which is no part of the stack; {hint}"));
        }
        found
    }

    /// What is wrong with the edits.
    pub(crate) fn mistakes(&self, findings: &mut Findings) {
        for mistake in &self.mistakes {
            findings.add(
                Finding::error("http.E010", format!("stack: {mistake}"))
                    .fix("Correct the name in `.stack(…)`."),
            );
        }
    }

    /// Protections that were taken out: for `check --deploy`.
    pub(crate) fn missing_protections(&self, findings: &mut Findings) {
        for (name, lost) in PROTECTIONS {
            if self.removed.contains(&name) && !self.has(name) {
                findings.add(
                    Finding::warning("http.W010", format!("`{name}` is not in the stack: {lost}"))
                        .fix("Remove `.remove(…)` from `.stack(…)`, or make sure that something in front does its work."),
                );
            }
        }
    }

    /// The hooks alone, ready to run.
    pub(crate) fn hooks(&self) -> Box<[Arc<dyn Hook>]> {
        self.parts
            .iter()
            .filter_map(|part| match &part.kind {
                Kind::Hook(hook) => Some(hook.clone()),
                Kind::BuiltIn | Kind::Off => None,
            })
            .collect()
    }

    /// Whether a built-in part is there, and is still the built-in one.
    pub(crate) fn runs(&self, name: &str) -> bool {
        debug_assert!(BUILT_IN.contains(&name));
        self.parts.iter().any(|part| part.name == name && matches!(part.kind, Kind::BuiltIn))
    }
}
