//! Routes: what they are, how they are grouped, and the table that finds one for a request.
//!
//! In reading order:
//!
//! 1. this file: [`Route`], one method and pattern with its handler and settings;
//! 2. `group`: [`Routes`] and [`Group`], lists with a prefix, middleware and layers;
//! 3. `pattern` and `path`: the syntax of patterns, and the one form that paths are compared in;
//! 4. `endpoint`: what answers in the end;
//! 5. `table` and `tree`: every route, frozen at start, and the look-up;
//! 6. `conflict`: what is wrong with a set of routes, found before the first request;
//! 7. `matched`: what the look-up leaves for the `Path` extractor;
//! 8. `address`: the way back, from a named route to a path.

pub(crate) mod address;
mod conflict;
mod endpoint;
pub(crate) mod group;
mod hasher;
mod matched;
mod path;
mod pattern;
pub(crate) mod table;
mod tree;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use axum::handler::Handler;
use http::{Method, StatusCode};
use mainstay_core::Module;
use mainstay_core::container::Need;
use mainstay_core::origin::Origin;

pub use self::endpoint::{Endpoint, EndpointLayer, EndpointService};
pub use self::group::{Group, Routes};
pub use self::matched::RouteMatch;

use self::endpoint::{AnyHandler, Plain};
use crate::describe::{ErrorSpec, Operation, SecuritySpec, Source};
use crate::middleware::{AnyMiddleware, Erased, Middleware};
use crate::stack::metrics::RouteMetrics;
use crate::version::{Deprecation, VersionRange};

/// A method, a pattern and the handler that answers, with the settings of this route.
///
/// `#[get("/articles/{slug}")]` and its siblings make one from a function. Without a macro:
///
/// ```
/// use http::{Method, StatusCode};
/// use mainstay_http::Route;
///
/// let route = Route::new(Method::GET, "/hello", async || "Hello");
/// ```
#[derive(Clone)]
pub struct Route {
    pub(crate) method: Option<Method>,
    pub(crate) operation: Operation,
    pub(crate) settings: Settings,
    pub(crate) handler: Arc<dyn AnyHandler>,
    pub(crate) wrappers: Vec<Wrapper>,
}

/// What a [`Route`] can call: every axum handler.
#[diagnostic::on_unimplemented(
    message = "this is no handler",
    note = "a handler is an `async fn` whose arguments are extractors and which returns a response",
    note = "with `#[get(…)]` or its like on the function, another error says what is wrong with it"
)]
pub trait Handle<T>: Handler<T, ()> {}

#[diagnostic::do_not_recommend]
impl<H: Handler<T, ()>, T> Handle<T> for H {}

/// What a route decides for itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<String>,
    pub(crate) body_limit: Option<u64>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) cross_origin: bool,
    pub(crate) any_host: bool,
    pub(crate) hang_up: Option<HangUp>,
    pub(crate) hands_over: Option<HandsOver>,
    pub(crate) yields: bool,
    pub(crate) in_development: bool,
    pub(crate) versions: Option<VersionRange>,
    pub(crate) deprecation: Option<Deprecation>,
}

/// How long a route may take until its response begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// At most this long.
    After(Duration),
    /// As long as it likes.
    Never,
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::After(limit)
    }
}

/// What becomes of a handler whose client hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// It is dropped where it stands. The default of GET and HEAD.
    Cancels,
    /// It runs to its end, and nobody hears the answer. The default of all other methods.
    Finishes,
}

/// A route without a limit of its own, which in the end calls a handler that has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandsOver {
    /// The `timeout` of that handler.
    pub(crate) timeout: Option<Timeout>,
    /// How large what it hands over may be, where that is said.
    pub(crate) most_bytes: Option<u64>,
}

/// What is put around an endpoint.
#[derive(Clone)]
pub(crate) enum Wrapper {
    Middleware(Arc<dyn AnyMiddleware>),
    Layer(Arc<dyn EndpointLayer>),
}

impl Wrapper {
    pub(crate) fn middleware<Args: 'static>(middleware: impl Middleware<Args>) -> Self {
        Self::Middleware(Erased::of(middleware))
    }

    pub(crate) fn layer(layer: impl EndpointLayer) -> Self {
        Self::Layer(Arc::new(layer))
    }

    /// Adds what it does to a route that it is around.
    pub(crate) fn describe(&self, operation: &mut Operation) {
        if let Self::Middleware(middleware) = self {
            middleware.describe(operation);
        }
    }

    /// What it takes from the container.
    pub(crate) fn needs(&self) -> Vec<Need> {
        let mut operation = Operation::new(Method::GET, "", "");
        self.describe(&mut operation);
        operation.needs
    }

    /// The built-in modules that it asks for.
    pub(crate) fn brings(&self) -> Vec<Module> {
        match self {
            Self::Middleware(middleware) => middleware.brings(),
            Self::Layer(_) => Vec::new(),
        }
    }
}

impl Route {
    /// A route for any axum handler. The pattern is axum's: `/articles/{slug}`, `/files/{*rest}`.
    #[track_caller]
    pub fn new<H, T>(method: Method, path: impl Into<String>, handler: H) -> Self
    where
        H: Handle<T>,
        T: 'static,
    {
        Self::made(Some(method), path.into(), Arc::new(Plain::new(handler)), here(Location::caller()))
    }

    /// A route for every method that no other route of the same pattern takes.
    #[track_caller]
    pub fn any<H, T>(path: impl Into<String>, handler: H) -> Self
    where
        H: Handle<T>,
        T: 'static,
    {
        Self::made(None, path.into(), Arc::new(Plain::new(handler)), here(Location::caller()))
    }

    /// What the macros call: `describe` asks every argument and the return type, so it is known whether the handler
    /// needs what only axum's own router provides.
    #[doc(hidden)]
    #[track_caller]
    pub fn described<H, T>(method: Method, path: &str, handler: H, describe: fn(&mut Operation)) -> Self
    where
        H: Handle<T>,
        T: 'static,
    {
        let mut route = Self::new(method, path, handler);
        route.operation.opaque.clear();
        route.operation.needs_axum_router = false;
        describe(&mut route.operation);
        route
    }

    fn made(method: Option<Method>, path: String, handler: Arc<dyn AnyHandler>, source: Source) -> Self {
        // A closure goes by the function that it is written in.
        let name = handler.type_name().split("::{{closure}}").next().unwrap_or_default();
        let name = name_of_function(name).to_owned();
        let mut operation = Operation::new(method.clone().unwrap_or(Method::GET), path, name);
        operation.source = source;
        if !handler.takes_nothing() {
            operation.opaque.push(handler.type_name());
            operation.needs_axum_router = true;
        }
        Self { method, operation, settings: Settings::default(), handler, wrappers: Vec::new() }
    }

    /// What is known of it.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Says more about it, for API documents.
    #[must_use]
    pub fn describe(mut self, change: impl FnOnce(&mut Operation)) -> Self {
        change(&mut self.operation);
        self
    }

    /// Says how to prove who sends the request, if it matters to the route, and the route does not say so itself.
    pub(crate) fn may_be_sent_by(&mut self, proofs: &[&SecuritySpec]) {
        let unauthorized = StatusCode::UNAUTHORIZED.as_u16();
        let operation = &mut self.operation;
        if operation.security.is_empty() && operation.errors.iter().any(|error| error.status == unauthorized)
        {
            operation.security.extend(proofs.iter().copied().cloned());
        }
    }

    /// Adds a way to fail, unless one of its status is known.
    pub(crate) fn refuse(&mut self, error: &ErrorSpec) {
        if !self.operation.errors.iter().any(|known| known.status == error.status) {
            self.operation.error(error.clone());
        }
    }

    /// Names it, so that [`Http::address`](crate::Http::address) can make its address from its parameters.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// How large a request body may be, in bytes. Default: `http.body_limit`.
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.settings.body_limit = Some(bytes);
        self
    }

    /// How long it may take until its response begins. Default: `http.timeout`.
    #[must_use]
    pub fn timeout(mut self, limit: impl Into<Timeout>) -> Self {
        self.settings.timeout = Some(limit.into());
        self
    }

    /// Lets other sites send requests that change something. For endpoints that authenticate each request by other
    /// means than cookies: web hooks, token APIs.
    #[must_use]
    pub fn cross_origin(mut self) -> Self {
        self.settings.cross_origin = true;
        self
    }

    /// Answers whatever host is asked for. For what machines ask by address: health checks.
    #[must_use]
    pub fn any_host(mut self) -> Self {
        self.settings.any_host = true;
        self
    }

    /// What becomes of the handler when the client hangs up.
    #[must_use]
    pub fn hang_up(mut self, what: HangUp) -> Self {
        self.settings.hang_up = Some(what);
        self
    }

    /// The versions of the API that it is there in: `2`, `1..=2` or `2..`. See [`ApiVersions`](crate::version::ApiVersions).
    #[must_use]
    pub fn versions(mut self, versions: impl Into<VersionRange>) -> Self {
        self.settings.versions = Some(versions.into());
        self
    }

    /// Says that clients should move away from it, since when, and until when it is there.
    #[must_use]
    pub fn deprecated(mut self, deprecation: Deprecation) -> Self {
        self.settings.deprecation = Some(deprecation);
        self
    }

    /// Gives way to another route of the same method and pattern instead of being in conflict with it. For routes that
    /// come with a module and may be replaced.
    #[must_use]
    pub fn yielding(mut self) -> Self {
        self.settings.yields = true;
        self
    }

    /// Is there in development alone: with any other profile, there is no such route.
    #[must_use]
    pub fn in_development(mut self) -> Self {
        self.settings.in_development = true;
        self
    }

    /// Puts a middleware around it. The first that is added meets the request first.
    #[must_use]
    pub fn middleware<Args: 'static>(mut self, middleware: impl Middleware<Args>) -> Self {
        self.wrappers.push(Wrapper::middleware(middleware));
        self
    }

    /// Puts a tower layer around it. The first that is added meets the request first.
    #[must_use]
    pub fn layer(mut self, layer: impl EndpointLayer) -> Self {
        self.wrappers.push(Wrapper::layer(layer));
        self
    }
}

fn here(place: &'static Location<'static>) -> Source {
    Source { file: place.file(), line: place.line() }
}

pub(crate) fn label(pattern: &str, versions: Option<VersionRange>) -> String {
    match versions {
        Some(versions) => format!("{pattern} (version {versions})"),
        None => pattern.to_owned(),
    }
}

/// A route of the frozen table.
#[derive(Debug)]
pub struct RouteInfo {
    /// What is known of it. Its path has the prefixes of its groups.
    pub operation: Operation,
    /// The method; none for a route that takes every method.
    pub method: Option<Method>,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The versions of the API that it is there in, if it has versions.
    pub versions: Option<VersionRange>,
    /// Since when clients should move away from it, if they should in every version.
    pub deprecation: Option<Deprecation>,
    /// The module that contributed it.
    pub module: String,
    /// What its handler works for: the pattern.
    pub(crate) origin: Origin,
    /// The pattern with its literals encoded, to make addresses from.
    pub(crate) encoded: String,
    pub(crate) body_limit: Option<u64>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) cross_origin: bool,
    pub(crate) any_host: bool,
    /// A parameter of its path is called like a secret.
    pub(crate) has_secret: bool,
    pub(crate) hang_up: Option<HangUp>,
    pub(crate) hands_over: Option<HandsOver>,
    pub(crate) metrics: RouteMetrics,
}

impl RouteInfo {
    /// The pattern, such as `/articles/{slug}`.
    pub fn pattern(&self) -> &str {
        &self.operation.path
    }

    /// How often it has answered, by the first digit of the status.
    pub fn answers(&self) -> [u64; 6] {
        self.metrics.classes()
    }

    /// What tells it from other routes of its method: the pattern, with the versions where it has some.
    pub fn label(&self) -> String {
        label(self.pattern(), self.versions)
    }

    /// The method, or `*`.
    pub fn method_name(&self) -> &str {
        self.method.as_ref().map_or("*", Method::as_str)
    }
}

/// `list` of `shop::orders::list<shop::User>`.
fn name_of_function(path: &str) -> &str {
    let (mut depth, mut end) = (0_usize, path.len());
    // Its type arguments are paths themselves. An arrow is no bracket.
    if path.ends_with('>') {
        let bytes = path.as_bytes();
        for (at, byte) in bytes.iter().enumerate().rev() {
            match byte {
                b'>' if at == 0 || bytes[at - 1] != b'-' => depth += 1,
                b'<' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                end = at;
                break;
            }
        }
    }
    let plain = path[..end].trim_end_matches("::");
    plain.rsplit("::").next().unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::name_of_function;

    #[test]
    fn a_function_goes_by_its_own_name_whatever_it_is_generic_over() {
        for (path, name) in [
            ("shop::orders::list", "list"),
            ("shop::orders::list<shop::User>", "list"),
            ("shop::list<alloc::vec::Vec<shop::User>, fn(shop::A) -> shop::B>", "list"),
            ("<shop::User as shop::Page>::show", "show"),
            ("<shop::User as shop::Page>::show<shop::A>", "show"),
            ("list", "list"),
        ] {
            assert_eq!(name_of_function(path), name, "{path}");
        }
    }
}
