//! Errors, written for whoever asked.
//!
//! An [`Error`] leaves a handler inside an empty response (its extensions). Here it gets a body: a problem document
//! (RFC 9457) for programs, a page for people, by the `Accept` header. Responses that have a body already, such as the
//! rejections of a foreign extractor, are left alone.
//!
//! 1. `accept`: who asks.
//! 2. [`Problem`]: for programs.
//! 3. `page`: for people, in production.
//! 4. `development`: for developers: message, chain, source, request. Never built outside of the development profile.
//!
//! Another shape: contribute an [`ErrorRenderer`]. Another language: a [`Translation`].

mod accept;
mod development;
mod page;
mod translation;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::{self, HeaderValue};
use mainstay_core::{Contribution, Error, Profile, Resolver, StatusCode};

use self::accept::Audience;
pub use self::translation::Translation;
use crate::describe::Content;
use crate::exchange::Exchange;
use crate::negotiate::AcceptsLanguage;
use crate::respond::Problem;
use crate::route::RouteInfo;

type Write = dyn Fn(&Error, &Exchange, &Resolver) -> Option<Rendered> + Send + Sync;

/// A contribution: writes errors in a shape of its own. What it declines (`None`) is written as usual.
///
/// ```
/// use http::HeaderValue;
/// use mainstay_http::describe::Content;
/// use mainstay_http::render::{ErrorRenderer, Rendered};
///
/// let renderer = ErrorRenderer::new(|error, _exchange| {
///     let body = format!(r#"{{"errors":{{"body":["{}"]}}}}"#, error.machine_code());
///     Some(Rendered { content_type: HeaderValue::from_static("application/json"), body: body.into_bytes() })
/// })
/// .below("/api")
/// .documented(Content::new("application/json"));
/// ```
#[derive(Clone)]
pub struct ErrorRenderer {
    write: Arc<Write>,
    below: &'static str,
    except: Vec<&'static str>,
    audience: Option<Audience>,
    content: Option<Content>,
}

fn is_below(path: &str, address: &str) -> bool {
    path.strip_prefix(address).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The body of an error. Its status and headers are the error's own.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Its media type.
    pub content_type: HeaderValue,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl ErrorRenderer {
    /// A renderer.
    pub fn new(write: impl Fn(&Error, &Exchange) -> Option<Rendered> + Send + Sync + 'static) -> Self {
        Self::with_container(move |error, exchange, _| write(error, exchange))
    }

    /// One that takes from the container, as the application itself sees it, what is [ready](Resolver::ready) there.
    pub fn with_container(
        write: impl Fn(&Error, &Exchange, &Resolver) -> Option<Rendered> + Send + Sync + 'static,
    ) -> Self {
        Self { write: Arc::new(write), below: "", except: Vec::new(), audience: None, content: None }
    }

    /// Only where a person asks with a browser: it writes pages.
    #[must_use]
    pub fn for_people(mut self) -> Self {
        self.audience = Some(Audience::Person);
        self
    }

    /// Only for addresses at and below this one, such as `/api`.
    #[must_use]
    pub fn below(mut self, address: &'static str) -> Self {
        self.below = address.trim_end_matches('/');
        self
    }

    /// Not for addresses at and below this one, such as `/api/v2`.
    #[must_use]
    pub fn except(mut self, address: &'static str) -> Self {
        self.except.push(address.trim_end_matches('/'));
        self
    }

    /// What documents say of the errors that it writes. Without it, they say problem details.
    #[must_use]
    pub fn documented(mut self, content: Content) -> Self {
        self.content = Some(content);
        self
    }

    /// Whether it writes pages alone.
    pub fn is_for_people(&self) -> bool {
        self.audience == Some(Audience::Person)
    }

    /// Whether it writes the errors of this address.
    pub fn covers(&self, path: &str) -> bool {
        is_below(path, self.below) && !self.except.iter().any(|except| is_below(path, except))
    }

    /// What documents say of its errors.
    pub fn content(&self) -> Option<&Content> {
        self.content.as_ref()
    }
}

impl Contribution for ErrorRenderer {
    fn installs() -> Option<mainstay_core::Module> {
        Some(crate::module::http())
    }
}

/// Writes the errors of an application.
pub(crate) struct Renderer {
    custom: Vec<ErrorRenderer>,
    translations: Vec<Translation>,
    /// Every route, for developers alone.
    development: Option<Vec<Arc<RouteInfo>>>,
    /// The container as the application itself sees it.
    resolver: Resolver,
}

impl Renderer {
    pub(crate) fn new<'r>(
        custom: Vec<ErrorRenderer>,
        translations: Vec<Translation>,
        profile: &Profile,
        routes: impl Iterator<Item = &'r Arc<RouteInfo>>,
        resolver: Resolver,
    ) -> Self {
        Self {
            custom,
            translations,
            development: profile.is_development().then(|| routes.cloned().collect()),
            resolver,
        }
    }

    /// Whether the pages show internals, and so need to see the request's headers.
    pub(crate) fn shows_internals(&self) -> bool {
        self.development.is_some()
    }

    /// Whether some errors are said in another language, and so need to know what the client reads.
    pub(crate) fn translates(&self) -> bool {
        !self.translations.is_empty()
    }

    /// What says errors in the language that the client reads best, unless that is English.
    fn translation(&self, exchange: &Exchange) -> Option<&Translation> {
        let accepts = AcceptsLanguage::parse(exchange.accept_language()?.to_str().ok()?);
        let languages = self.translations.iter().map(Translation::language);
        let offers: Vec<&str> = std::iter::once(ENGLISH).chain(languages).collect();
        let best = accepts.best(&offers)?;
        self.translations.iter().find(|translation| translation.language() == best)
    }

    /// Gives a body to the error that a response carries.
    pub(crate) async fn render(&self, error: Arc<Error>, exchange: &Exchange, response: &mut Response) {
        log(&error);
        // Whoever else holds it, such as a middleware that has kept the response, has it in its own words.
        let translation = self.translation(exchange);
        let error = match (Arc::try_unwrap(error), translation) {
            (Ok(error), Some(translation)) => Arc::new(translation.of(error)),
            (Ok(error), None) => Arc::new(error),
            (Err(shared), _) => shared,
        };
        let Rendered { content_type, body } = self.write(&error, exchange).await;
        let headers = response.headers_mut();
        if self.translates() {
            headers.append(header::VARY, HeaderValue::from_static("accept-language"));
            let language = translation.map_or(ENGLISH, Translation::language);
            if let Ok(language) = HeaderValue::try_from(language) {
                headers.insert(header::CONTENT_LANGUAGE, language);
            }
        }
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.append(header::VARY, HeaderValue::from_static("accept"));
        if !headers.contains_key(header::CACHE_CONTROL) && error.status().is_server_error() {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        *response.body_mut() = Body::from(body);
    }

    async fn write(&self, error: &Error, exchange: &Exchange) -> Rendered {
        let (path, audience) = (exchange.uri().path(), Audience::of(exchange.accept()));
        let asked = |custom: &&ErrorRenderer| {
            custom.covers(path) && custom.audience.is_none_or(|wanted| wanted == audience)
        };
        let mut custom = self.custom.iter().filter(asked);
        if let Some(rendered) = custom.find_map(|custom| (custom.write)(error, exchange, &self.resolver)) {
            return rendered;
        }
        let (content_type, body) = match (audience, &self.development) {
            (Audience::Program, _) => {
                (HeaderValue::from_static(Problem::MEDIA_TYPE), problem(error, exchange))
            }
            (Audience::Person, Some(routes)) => {
                (HTML, development::write(error, exchange, routes).await.into_bytes())
            }
            (Audience::Person, None) => (HTML, page::write(error, exchange).into_bytes()),
        };
        Rendered { content_type, body }
    }
}

/// What messages are written in.
const ENGLISH: &str = "en";

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

fn problem(error: &Error, exchange: &Exchange) -> Vec<u8> {
    let problem =
        Problem::from_error(error).instance(exchange.uri().path()).request_id(exchange.id().to_string());
    // Texts and numbers alone: this cannot fail.
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// The error that a response carries, if it is one.
pub(crate) fn error_of(response: &mut Response) -> Option<Arc<Error>> {
    response.extensions_mut().remove()
}

/// Tells the log: our faults loudly, the client's quietly. The span around it has the request id.
pub fn log(error: &Error) {
    let (status, code, place) = (error.status().as_u16(), error.machine_code(), error.place());
    // An unknown method is the client's doing, although its status says otherwise.
    if error.status().is_server_error() && error.status() != StatusCode::NOT_IMPLEMENTED {
        tracing::error!(status, code, place = %place, "{}", error.report());
    } else {
        tracing::debug!(status, code, place = %place, "{}", error.report());
    }
}

/// Text as HTML, in an element or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
