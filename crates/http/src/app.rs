//! The whole of HTTP behind the listener: the table of routes, with the stack around it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use hyper::body::Incoming;
use mainstay_core::call_context::{CallContext, Trace};
use mainstay_core::clock::Clock;
use mainstay_core::config::{Config, did_you_mean};
use mainstay_core::metrics::{Metrics, Scrape};
use mainstay_core::principal::{Entitlement, Principal};
use mainstay_core::{Contributions, Error, Findings, Inject, Profile, Resolver, Result};
use tracing::Span;

use crate::config::HttpConfig;
use crate::exchange::Exchange;
use crate::files::{self, Conditions};
use crate::listen::{ConnectionMetrics, Dispatch, Peer};
use crate::module::Setup;
use crate::render::{ErrorRenderer, Renderer, Translation, error_of};
use crate::route::address::fill;
use crate::route::table::{Found, Leaf, Refusal, Table, With, wrap};
use crate::route::{Endpoint, HangUp, RouteInfo, RouteMatch, Timeout};
use crate::session::{SessionDriver, Sessions, Slot};
use crate::stack::metrics::RouteMetrics;
use crate::stack::principal::Authenticator;
use crate::stack::run::{self, Finishing, Guard};
use crate::stack::{Flow, Hook, csrf, panic, trace};
use crate::version::{Calls, Marks};

/// Routes and stack of an application, ready to answer. Injectable; the listener and the tests call the same.
pub struct Http {
    table: Table,
    hooks: Box<[Arc<dyn Hook>]>,
    traces: bool,
    catches: bool,
    limit: Option<std::time::Duration>,
    /// What remembers visitors, if the application does.
    sessions: Remembers,
    authenticators: Box<[Authenticator]>,
    entitlements: Box<[Entitlement]>,
    renderer: Renderer,
    refuse: Arc<dyn Endpoint>,
    /// The container as the application itself sees it.
    resolver: Resolver,
    finishing: Arc<Finishing>,
    unmatched: Arc<RouteMetrics>,
    connections: Arc<Mutex<Option<Arc<ConnectionMetrics>>>>,
    /// Calls of what is deprecated.
    calls: Calls,
}

/// The label of requests without a route.
const NONE: &str = "none";

impl Http {
    /// Freezes what the modules contribute. Findings about it were reported when the application was checked.
    pub(crate) fn new(
        contributions: Inject<Contributions>,
        config: Inject<HttpConfig>,
        profile: Inject<Profile>,
        files: Inject<Config>,
        metrics: Inject<Metrics>,
        clock: Inject<dyn Clock>,
        resolver: Resolver,
    ) -> Self {
        let home = files.home();
        let setup = Setup { contributions: &contributions, config: &config, profile: &profile, home };
        let unmatched = Arc::new(RouteMetrics::registered(&metrics, NONE, NONE));
        let stack = setup.stack(&unmatched);
        let (slash, metered) = (config.trailing_slash, Some(&*metrics));
        let with = With { slash, resolver: Some(&resolver), metrics: metered, versions: setup.versions() };
        let table = Table::freeze(setup.routes(), &with, &mut Findings::default());
        let renderers: Vec<ErrorRenderer> =
            contributions.of::<ErrorRenderer>().map(|renderer| renderer.value.clone()).collect();
        let authenticators = contributions.of::<Authenticator>().map(|one| one.value.clone());
        let translations = contributions.of::<Translation>().map(|one| one.value.clone()).collect();
        let resolver = setup.root().map_or_else(|| resolver.clone(), |root| resolver.of_module(root.id));
        let renderer = Renderer::new(renderers, translations, &profile, table.routes(), resolver.clone());
        let finishing = Finishing::new(config.max_finishing);
        let connections: Arc<Mutex<Option<Arc<ConnectionMetrics>>>> = Arc::default();
        let shown = Shown {
            routes: table.routes().map(Arc::clone).collect(),
            unmatched: Arc::clone(&unmatched),
            finishing: Arc::clone(&finishing),
            connections: Arc::clone(&connections),
        };
        metrics.collect(move |scrape| shown.collect(scrape));
        panic::install_hook();
        Self {
            table,
            hooks: stack.hooks(),
            traces: stack.runs("trace"),
            catches: stack.runs("panic"),
            limit: (stack.runs("timeout") && !config.timeout.is_zero()).then_some(config.timeout),
            sessions: Remembers::new(&contributions),
            authenticators: if stack.runs("principal") { authenticators.collect() } else { Box::default() },
            entitlements: contributions.of::<Entitlement>().map(|one| one.value.clone()).collect(),
            renderer,
            refuse: wrap(Arc::new(Refuse), setup.around_everything()),
            resolver,
            finishing,
            unmatched,
            connections,
            calls: Calls { clock, after_sunset: config.after_sunset },
        }
    }

    /// Answers a request.
    pub async fn call(&self, mut request: Request, peer: &Arc<Peer>) -> Response {
        let (found, rewritten) = self.table.find(request.method(), request.uri(), request.headers());
        let (leaf, matched, marks, refusal) = match found {
            Found::Leaf { leaf, matched, marks } => (Some(leaf), matched, marks, None),
            Found::Refused(refusal) => (None, None, None, Some(refusal)),
        };
        let mut exchange = Exchange::open(&request, peer, leaf.map(|leaf| leaf.info.clone()));
        if let Some(path) = rewritten {
            replace_path(request.uri_mut(), path);
        }
        if self.renderer.translates() {
            exchange.keep_language(request.headers());
        }
        if self.renderer.shows_internals() {
            exchange.keep_headers(request.headers());
        }
        let parent = trace::parent(request.headers());
        let span = if self.traces { trace::span(&exchange, parent.as_ref()) } else { Span::none() };
        let is_head = *request.method() == Method::HEAD;
        let conditions = Conditions::of(request.method(), request.headers());

        let mut response = match span.in_scope(|| self.before(&mut exchange, &mut request)) {
            Flow::Answer(response) => *response,
            Flow::Continue => {
                let (slot, refusal) = match self.admit(&exchange, &mut request, marks).await {
                    Ok(slot) => (slot, refusal),
                    Err(error) => (None, Some(Refusal::NotAdmitted(Arc::new(error)))),
                };
                match (leaf, refusal) {
                    (Some(leaf), None) => {
                        let asked = Asked { exchange: &exchange, request, slot, span: &span };
                        self.answer(leaf, matched, parent, asked).await
                    }
                    (_, refusal) => {
                        let asked = Asked { exchange: &exchange, request, slot, span: &span };
                        self.refused(refusal.unwrap_or(Refusal::NotFound), asked).await
                    }
                }
            }
        };
        files::complete(&mut response, &conditions);
        if let Some(error) = error_of(&mut response) {
            // Boxed, so that the usual request does not carry the room for it.
            let rendering = Box::pin(self.renderer.render(error, &exchange, &mut response));
            tracing::Instrument::instrument(rendering, span.clone()).await;
        }
        if let Some(marks) = marks {
            marks.say(&mut response);
        }
        span.in_scope(|| self.after(&exchange, &mut response));
        trace::close(&span, response.status());
        if is_head {
            without_body(&mut response);
        }
        response
    }

    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        let mut run = || {
            for hook in &self.hooks {
                if let Flow::Answer(response) = hook.before(exchange, request) {
                    return Flow::Answer(response);
                }
            }
            Flow::Continue
        };
        if self.catches { panic::catch(run).unwrap_or_else(Flow::from) } else { run() }
    }

    fn after(&self, exchange: &Exchange, response: &mut Response) {
        for hook in self.hooks.iter().rev() {
            if !self.catches {
                hook.after(exchange, response);
            } else if let Err(error) = panic::catch(|| hook.after(exchange, response)) {
                // The response is as good as it was before: better than none.
                crate::render::log(&error);
            }
        }
    }

    /// Finds out who sends the request, and whether what it asks for is still there. The place of the session, if there are any, is
    /// to be kept at the end.
    async fn admit(
        &self,
        exchange: &Exchange,
        request: &mut Request,
        marks: Option<&Arc<Marks>>,
    ) -> Result<Option<Arc<Slot>>> {
        let slot = self.sessions.slot(&self.resolver, exchange, request).await?;
        if exchange.must_prove() {
            // Boxed, so that the usual request does not carry the room for it.
            Box::pin(csrf::prove(exchange, request, slot.as_deref().and_then(Slot::token))).await?;
        }
        self.identify(exchange, request).await?;
        if let Some(marks) = marks {
            self.calls.note(marks, exchange, request)?;
        }
        Ok(slot)
    }

    /// Asks the authenticators who sends the request.
    async fn identify(&self, exchange: &Exchange, request: &mut Request) -> Result<()> {
        if self.authenticators.is_empty() {
            return Ok(());
        }
        let (mut parts, body) = std::mem::take(request).into_parts();
        let mut told = Ok(None);
        for authenticator in &self.authenticators {
            told = authenticator.authenticate.authenticate(exchange, &mut parts, &self.resolver).await;
            if !matches!(told, Ok(None)) {
                break;
            }
        }
        let entitled = match told {
            Ok(Some(principal)) => self.entitled(principal).await.map(Some),
            told => told,
        };
        let (principal, outcome) = match entitled {
            Ok(principal) => (principal, Ok(())),
            Err(error) => (None, Err(error)),
        };
        parts.extensions.insert(principal.unwrap_or_else(Principal::anonymous));
        *request = Request::from_parts(parts, body);
        outcome
    }

    async fn entitled(&self, mut principal: Principal) -> Result<Principal> {
        for entitlement in &self.entitlements {
            principal = entitlement.entitle(principal, &self.resolver).await?;
        }
        Ok(principal)
    }

    async fn answer(
        &self,
        leaf: &Leaf,
        matched: Option<RouteMatch>,
        parent: Option<Trace>,
        asked: Asked<'_>,
    ) -> Response {
        let Asked { exchange, mut request, slot, span } = asked;
        if !leaf.bare {
            let extensions = request.extensions_mut();
            extensions.insert(exchange.clone());
            if let Some(resolver) = &leaf.resolver {
                extensions.insert(resolver.request());
            }
            if let Some(matched) = matched {
                extensions.insert(matched);
            }
        }
        let limit_of = |timeout| match timeout {
            Some(Timeout::After(limit)) => Some(limit),
            Some(Timeout::Never) => None,
            None => self.limit,
        };
        let limit = limit_of(leaf.info.timeout);
        let safe = [Method::GET, Method::HEAD].contains(request.method());
        let finishes = match leaf.info.hang_up {
            Some(what) => what == HangUp::Finishes,
            None => !safe,
        };
        let handed_over = leaf.info.hands_over.and_then(|of| limit_of(of.timeout));
        let finishing = finishes.then_some((&self.finishing, run::alone(limit, handed_over)));
        let origin = Some(&leaf.info.origin);
        let context = CallContext {
            deadline: limit.and_then(|limit| exchange.started().checked_add(limit)),
            trace: parent,
        };
        let guard = Guard { span, catches: self.catches, limit, origin, context, finishing };
        guard.run(|| kept(slot, leaf.endpoint.call(request))).await
    }

    /// What is around the whole application sees requests without a route, too, and those of senders who are not believed.
    async fn refused(&self, refusal: Refusal, asked: Asked<'_>) -> Response {
        let Asked { exchange, mut request, slot, span } = asked;
        let extensions = request.extensions_mut();
        extensions.insert(exchange.clone());
        extensions.insert(self.resolver.request());
        extensions.insert(refusal);
        let context = CallContext::default();
        let guard =
            Guard { span, catches: self.catches, limit: self.limit, origin: None, context, finishing: None };
        guard.run(|| kept(slot, self.refuse.call(request))).await
    }

    /// The address of the route of this name, with these values for its parameters. Values that the pattern does not
    /// name become the query.
    ///
    /// # Errors
    ///
    /// When no route has this name, or a parameter has no value.
    pub fn address(&self, name: &str, parameters: &[(&str, &str)]) -> Result<String> {
        match self.routes().find(|route| route.name.as_deref() == Some(name)) {
            Some(route) => fill(&route.encoded, parameters),
            None => {
                let names = self.routes().filter_map(|route| route.name.as_deref());
                Err(Error::internal(format!("no route is named `{name}`{}", did_you_mean(name, names))))
            }
        }
    }

    /// Every route, in the order of the modules.
    pub fn routes(&self) -> impl Iterator<Item = &RouteInfo> {
        self.table.routes().map(|route| &**route)
    }

    /// What was answered to requests that no route took, by the first digit of the status.
    pub fn unmatched(&self) -> [u64; 6] {
        self.unmatched.classes()
    }

    /// Shows the numbers of a listener among those of the application.
    pub(crate) fn watch(&self, connections: Arc<ConnectionMetrics>) {
        *self.connections.lock().unwrap_or_else(PoisonError::into_inner) = Some(connections);
    }

    /// How many handlers run to their end although their client has hung up.
    pub fn finishing(&self) -> usize {
        self.finishing.count()
    }

    /// Completes when no handler runs whose client has hung up. The listener waits for it before it ends.
    pub async fn finished(&self) {
        self.finishing.all().await;
    }
}

/// A request that has come past the hooks.
struct Asked<'a> {
    exchange: &'a Exchange,
    request: Request,
    slot: Option<Arc<Slot>>,
    span: &'a Span,
}

/// Keeps the session when the handler has ended, also one that nobody waits for any more.
fn kept(slot: Option<Arc<Slot>>, handler: BoxFuture<'static, Response>) -> BoxFuture<'static, Response> {
    match slot {
        Some(slot) => Box::pin(async move { slot.finish(handler.await).await }),
        None => handler,
    }
}

/// Whether the application has sessions, and where.
struct Remembers {
    has_sessions: bool,
    /// They are made after this.
    sessions: OnceLock<Arc<Sessions>>,
}

impl Remembers {
    fn new(contributions: &Contributions) -> Self {
        let has_sessions = contributions.of::<SessionDriver>().next().is_some();
        Self { has_sessions, sessions: OnceLock::new() }
    }

    /// Makes a place for the session of a request.
    async fn slot(
        &self,
        resolver: &Resolver,
        exchange: &Exchange,
        request: &mut Request,
    ) -> Result<Option<Arc<Slot>>> {
        if !self.has_sessions {
            return Ok(None);
        }
        let sessions = match self.sessions.get() {
            Some(sessions) => sessions,
            None => {
                let sessions = resolver.get::<Sessions>().await?.into_arc();
                self.sessions.get_or_init(|| sessions)
            }
        };
        let slot = Slot::new(sessions, exchange, request.headers());
        request.extensions_mut().insert(Arc::clone(&slot));
        Ok(Some(slot))
    }
}

/// What `/metrics` shows of this crate, apart from the histograms, which are in the registry.
struct Shown {
    routes: Vec<Arc<RouteInfo>>,
    unmatched: Arc<RouteMetrics>,
    finishing: Arc<Finishing>,
    connections: Arc<Mutex<Option<Arc<ConnectionMetrics>>>>,
}

impl Shown {
    fn collect(&self, scrape: &mut Scrape) {
        for route in &self.routes {
            let method = route.method.as_ref().map_or("any", Method::as_str);
            route.metrics.collect(scrape, method, &route.label());
        }
        self.unmatched.collect(scrape, NONE, NONE);
        let finishing = "Handlers that run to their end although their client has hung up.";
        scrape.gauge("http_handlers_finishing", finishing, &[], self.finishing.count() as f64);
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connections) = connections {
            connections.counts().collect(scrape);
        }
    }
}

impl Dispatch for Http {
    fn dispatch(
        &self,
        request: http::Request<Incoming>,
        peer: &Arc<Peer>,
    ) -> impl Future<Output = Response> + Send {
        self.call(request.map(Body::new), peer)
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("routes", &self.table.routes().count()).finish_non_exhaustive()
    }
}

/// Answers what no route takes.
struct Refuse;

impl Endpoint for Refuse {
    fn call(&self, mut request: Request) -> BoxFuture<'static, Response> {
        let refusal = request.extensions_mut().remove().unwrap_or(Refusal::NotFound);
        Box::pin(std::future::ready(refusal.into_response()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => Error::not_found("There is nothing at this address.").into_response(),
            Self::WrongMethod { allow } => {
                Error::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method.")
                    .header(header::ALLOW, allow)
                    .into_response()
            }
            Self::NotImplemented => {
                Error::new(StatusCode::NOT_IMPLEMENTED, "This server does not know this method.")
                    .into_response()
            }
            Self::BadPath(fault) => Error::bad_request(fault.to_string()).code("bad_path").into_response(),
            Self::WrongVersion(no) => Error::from(no).into_response(),
            Self::NotAdmitted(error) => carrying(error),
            Self::Options { allow } => with_header(StatusCode::NO_CONTENT, header::ALLOW, allow),
            Self::Moved { location } => {
                with_header(StatusCode::PERMANENT_REDIRECT, header::LOCATION, location)
            }
        }
    }
}

/// A response as errors become it, of one that may be shared.
fn carrying(error: Arc<Error>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = error.status();
    response.headers_mut().extend(error.headers().clone());
    response.extensions_mut().insert(error);
    response
}

fn with_header(status: StatusCode, name: header::HeaderName, value: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    response
}

/// The answer to HEAD has the headers of the answer to GET, and no body.
fn without_body(response: &mut Response) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    if let Some(length) = http_body::Body::size_hint(&body).exact() {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
}

fn replace_path(uri: &mut Uri, path: http::uri::PathAndQuery) {
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(path);
    // The parts are those of a valid address, and so is the path.
    *uri = Uri::from_parts(parts).unwrap_or_default();
}
