//! Rate limits: how many requests somebody may send in a while.
//!
//! ```
//! use mainstay_api::RateLimit;
//! use mainstay_core::App;
//! use mainstay_http::{Group, RoutesExt, get, routes};
//! use mainstay_store::Quota;
//!
//! #[get("/search")]
//! async fn search() -> &'static str {
//!     "found"
//! }
//!
//! let limit = RateLimit::per_minute(100).and(Quota::per_second(10)).by_principal();
//! let app = App::new().group(Group::new("/api").routes(routes![search]).middleware(limit));
//! ```
//!
//! A limit is a middleware like others: around a route, a group, a module or the application. Answers say what is left in the
//! fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11); a request beyond the limit is answered
//! with 429 and `Retry-After`, and reaches nothing further in. Counts are kept in the [`Store`](mainstay_store::Store); what comes
//! back, and when, is said in [`mainstay_store::quota`].
//!
//! Reading order: this file (what is written), `caller` (who is counted), `limits` (the counting), `fields` (what answers say),
//! [`config`], `module` (what is checked at start).

mod caller;
pub mod config;
mod fields;
mod limits;
mod module;

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{HeaderName, StatusCode};
use mainstay_core::container::Need;
use mainstay_core::{Inject, Module, Result};
use mainstay_http::describe::{ErrorSpec, LimitSpec, Operation, Parameter, Place, Source, schema_of};
use mainstay_http::{Middleware, Next};
use mainstay_store::Quota;

pub use caller::Caller;
pub use fields::too_many;

use fields::Fields;
use limits::{Charge, Charged, Limits};

/// How many requests a caller may send in a while; see the [module](self).
#[derive(Clone)]
pub struct RateLimit(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    name: Option<Cow<'static, str>>,
    quotas: Vec<Quota>,
    key: Key,
    quota_by: Option<Of<Option<Quota>>>,
    cost: Cost,
    /// Tells limits without a name apart, of which one function may make several; clones are one.
    id: u64,
    place: &'static Location<'static>,
}

/// How many limits were made in this process.
static MADE: AtomicU64 = AtomicU64::new(0);

/// What a function says of a caller.
type Of<T> = Arc<dyn Fn(&Caller<'_>) -> T + Send + Sync>;

/// Who is counted together.
#[derive(Clone)]
enum Key {
    Address,
    Principal,
    Header(HeaderName),
    Function(Of<Option<String>>),
}

#[derive(Clone)]
enum Cost {
    Fixed(u32),
    Function(Of<u32>),
}

impl RateLimit {
    /// A limit by the client's address. All that it is around counts together, and so do its clones; another limit counts by itself.
    #[track_caller]
    pub fn new(quota: Quota) -> Self {
        Self(Arc::new(Inner {
            name: None,
            quotas: vec![quota],
            key: Key::Address,
            quota_by: None,
            cost: Cost::Fixed(1),
            id: MADE.fetch_add(1, Ordering::Relaxed),
            place: Location::caller(),
        }))
    }

    /// So many requests in a second.
    #[track_caller]
    pub fn per_second(requests: u32) -> Self {
        Self::new(Quota::per_second(requests))
    }

    /// So many requests in a minute.
    #[track_caller]
    pub fn per_minute(requests: u32) -> Self {
        Self::new(Quota::per_minute(requests))
    }

    /// So many requests in an hour.
    #[track_caller]
    pub fn per_hour(requests: u32) -> Self {
        Self::new(Quota::per_hour(requests))
    }

    /// So many requests in a day.
    #[track_caller]
    pub fn per_day(requests: u32) -> Self {
        Self::new(Quota::per_day(requests))
    }

    /// Another quota beside it: a request is counted in all of them, or, where one has not enough, in none.
    #[must_use]
    pub fn and(self, quota: Quota) -> Self {
        self.change(|limit| limit.quotas.push(quota))
    }

    /// Names it (lower case, digits, `-` and `_`). Limits of one name count together, wherever they are, and their quotas can be set
    /// in the configuration: `rate_limits.quotas.login = "10/m, 100/h"`. A request that meets several of them is counted once.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.change(|limit| limit.name = Some(name.into()))
    }

    /// Counts by who is signed in; who is not, by address.
    #[must_use]
    pub fn by_principal(self) -> Self {
        self.change(|limit| limit.key = Key::Principal)
    }

    /// Counts by the value of a header, such as the key of an API, which is kept as its digest; a request without it, by address.
    ///
    /// Nobody has looked at the value yet: whoever makes up a new one for each request is not held by this limit. Put one by
    /// address around it.
    #[must_use]
    pub fn by_header(self, name: HeaderName) -> Self {
        self.change(|limit| limit.key = Key::Header(name))
    }

    /// Counts by what a function says of the caller. `None`: this one is not limited.
    #[must_use]
    pub fn by(self, key: impl Fn(&Caller<'_>) -> Option<String> + Send + Sync + 'static) -> Self {
        self.change(|limit| limit.key = Key::Function(Arc::new(key)))
    }

    /// Gives some callers a quota of their own instead; `None`: this one has the usual.
    ///
    /// ```
    /// use mainstay_api::RateLimit;
    /// use mainstay_store::Quota;
    ///
    /// let limit = RateLimit::per_minute(60)
    ///     .by_principal()
    ///     .quota_by(|caller| caller.principal().has_role("partner").then(|| Quota::per_minute(6000)));
    /// ```
    #[must_use]
    pub fn quota_by(self, quota: impl Fn(&Caller<'_>) -> Option<Quota> + Send + Sync + 'static) -> Self {
        self.change(|limit| limit.quota_by = Some(Arc::new(quota)))
    }

    /// What a request costs, unless 1. One that costs more than a whole quota takes the whole of it.
    #[must_use]
    pub fn cost(self, cost: u32) -> Self {
        self.change(|limit| limit.cost = Cost::Fixed(cost))
    }

    /// What a request costs, by a function.
    #[must_use]
    pub fn cost_by(self, cost: impl Fn(&Caller<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.change(|limit| limit.cost = Cost::Function(Arc::new(cost)))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Inner {
    /// What a request is counted as; none if it is not.
    fn charge<'a>(&'a self, caller: &Caller<'_>, limits: &'a Limits) -> Option<Charge<'a>> {
        let who = match &self.key {
            Key::Address => caller.address_key(),
            Key::Principal => caller.principal_key(),
            Key::Header(name) => caller.header_key(name),
            Key::Function(key) => format!("by:{}", key(caller)?),
        };
        let cost = match &self.cost {
            Cost::Fixed(cost) => *cost,
            Cost::Function(cost) => cost(caller),
        };
        let quotas = match self.quota_by.as_ref().and_then(|quota| quota(caller)) {
            Some(quota) => vec![quota].into(),
            None => self.quotas(limits).into(),
        };
        let key = match &self.name {
            Some(name) => format!("limit:{name}:{who}"),
            None => format!("limit:{}#{}:{who}", self.place, self.id),
        };
        Some(Charge { key, quotas, cost })
    }

    fn quotas<'a>(&'a self, limits: &'a Limits) -> &'a [Quota] {
        self.name.as_deref().and_then(|name| limits.quotas_of(name)).unwrap_or(&self.quotas)
    }
}

impl Middleware<Self> for RateLimit {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let limit = Arc::clone(&self.0);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let limits = Inject::<Limits>::from_request_parts(&mut parts, &()).await?;
            let charge =
                if limits.config().enabled { limit.charge(&Caller::new(&parts), &limits) } else { None };
            let charge = charge.filter(|charge| Charged::note(&mut parts.extensions, &charge.key));
            let request = Request::from_parts(parts, body);
            let Some(charge) = charge else { return next.run(request).await };
            let Some(decisions) = limits.take(&charge).await? else { return next.run(request).await };
            let fields = Fields::new(limit.name.as_deref(), &charge.quotas, &decisions);
            if fields.refuse() {
                return fields.add_to(Err(too_many(&decisions)), &limits);
            }
            fields.add_to(next.run(request).await, &limits)
        })
    }

    fn describe(&self, operation: &mut Operation) {
        let quotas: Vec<_> = self.0.quotas.iter().map(Quota::to_string).collect();
        operation.limits.push(LimitSpec {
            name: self.0.name.as_deref().map(str::to_owned),
            quotas: quotas.join(", "),
            source: Source { file: self.0.place.file(), line: self.0.place.line() },
        });
        let refused = ErrorSpec::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests in too short a time.");
        let refused = refused.code("rate_limited");
        operation
            .error(refused.header("Retry-After", "In how many seconds the same request will be answered."));
        for (name, says) in [
            (
                "RateLimit-Policy",
                "How many requests are allowed in how many seconds: `\"minute\";q=100;w=60`.",
            ),
            (
                "RateLimit",
                "How many requests are left now, and for how many seconds: `\"minute\";r=57;t=26`.",
            ),
        ] {
            let header = Parameter::new(Place::Header, name).description(says);
            operation.header(header.schema(schema_of::<String>()));
        }
        operation.needs.push(Need::of::<Limits>());
    }

    fn brings(&self) -> Vec<Module> {
        vec![module::module()]
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("name", &self.0.name)
            .field("quotas", &self.0.quotas)
            .finish_non_exhaustive()
    }
}
