//! Output cache: answers that are kept for a while, and given to everybody who asks the same.
//!
//! ```
//! use std::time::Duration;
//! use mainstay_api::OutputCache;
//! use mainstay_core::{App, Inject, Result};
//! use mainstay_http::{Group, RoutesExt, get, post, routes};
//! use mainstay_store::Cache;
//!
//! #[get("/")]
//! async fn list() -> &'static str {
//!     "all articles"
//! }
//!
//! #[post("/")]
//! async fn publish(cache: Inject<Cache>) -> Result<&'static str> {
//!     cache.forget_tag("articles").await?;
//!     Ok("published")
//! }
//!
//! let minute = OutputCache::for_(Duration::from_secs(60)).tag("articles").vary_by_query(["page"]);
//! let app = App::new().group(Group::new("/articles").routes(routes![list, publish]).middleware(minute));
//! ```
//!
//! An answer that goes to everybody must not depend on who asked for it. So it is made of what is in its key, and of nothing else:
//!
//! - The key has the method, scheme and host, the path, the query, and what [`OutputCache::vary_by_header`] and its like add.
//! - What is not in the key is taken away before the handler sees the request: cookies and other headers, and query parameters
//!   where [`OutputCache::vary_by_query`] names some. Nobody can put into the cache what such a field makes the handler say. The
//!   `Accept` fields stay: an answer that depends on one says so in `Vary`, and is kept only if it is in the key.
//! - A handler that documents that it reads what is taken away is found at start.
//! - Requests of who is signed in, or with `Authorization`, pass by the cache, unless [`OutputCache::by_principal`] keeps them apart.
//! - So do those with `Range`, `If-Match`, `If-Unmodified-Since` or a body.
//! - Kept are answers with status 200 and a length that is known, without `Set-Cookie`, without `no-store`, `no-cache` or `private`
//!   in `Cache-Control`, without `*` or a field that is not in the key in `Vary`, and without a nonce.
//!
//! Of many who ask at once, one makes the answer. One that was begun before its tag was forgotten is not kept.
//!
//! Reading order: this file (what is written), `key` (what tells requests apart), `answer` (what is kept), `serve` (the way of a
//! request), `fields` (what answers say), `answers` (what all caches share), `module` (what is checked at start).

mod answer;
mod answers;
mod fields;
mod key;
mod module;
mod serve;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::Method;
use mainstay_core::container::Need;
use mainstay_core::{Module, Result};
use mainstay_http::describe::{CacheSpec, Operation, Parameter, Place, ResponseSpec, Source, schema_of};
use mainstay_http::{Middleware, Next};

use crate::rate_limit::Caller;

use answers::Answers;
pub use module::OutputCacheConfig;

/// Keeps answers to GET and HEAD for a while; see the [module](self).
///
/// Put rate limits and guards around it, and `transaction` inside: what is inside does not run for an answer that is kept.
#[derive(Clone)]
pub struct OutputCache(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    fresh: Duration,
    stale: Duration,
    tags: Vec<String>,
    tags_by: Vec<Of<Option<String>>>,
    query: Option<Vec<String>>,
    headers: Vec<String>,
    whose: Whose,
    no_cache: NoCache,
    writes: Writes,
    max_body: u64,
    place: &'static Location<'static>,
}

/// What a function says of a request.
type Of<T> = Arc<dyn Fn(&Caller<'_>) -> T + Send + Sync>;

/// Whose requests are answered from the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Strangers,
    EachTheirOwn,
}

/// What is done when a client asks for an answer that is made anew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NoCache {
    PassedOver,
    Respected,
}

/// What writes do to what is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Nothing,
    Evict,
}

impl OutputCache {
    /// The largest body that is kept, in bytes, unless [`OutputCache::max_body`] says otherwise: 1 MiB.
    pub const MAX_BODY: u64 = 1 << 20;

    /// Keeps answers for so long; those that say `max-age` or `s-maxage`, no longer than that.
    #[track_caller]
    pub fn for_(lifetime: Duration) -> Self {
        Self(Arc::new(Inner {
            fresh: lifetime,
            stale: Duration::ZERO,
            tags: Vec::new(),
            tags_by: Vec::new(),
            query: None,
            headers: Vec::new(),
            whose: Whose::Strangers,
            no_cache: NoCache::PassedOver,
            writes: Writes::Nothing,
            max_body: Self::MAX_BODY,
            place: Location::caller(),
        }))
    }

    /// Gives answers for so long after that, while a new one is made in the background.
    #[must_use]
    pub fn stale_for(self, longer: Duration) -> Self {
        self.change(|cache| cache.stale = longer)
    }

    /// Lets answers be forgotten by this tag: [`Cache::forget_tag`](mainstay_store::Cache::forget_tag).
    #[must_use]
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.change(|cache| cache.tags.push(tag.into()))
    }

    /// Lets each answer be forgotten by a tag of its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstay_api::OutputCache;
    ///
    /// let cache = OutputCache::for_(Duration::from_secs(60))
    ///     .tag_by(|caller| Some(format!("article:{}", caller.parameter("slug")?)));
    /// ```
    #[must_use]
    pub fn tag_by(self, tag: impl Fn(&Caller<'_>) -> Option<String> + Send + Sync + 'static) -> Self {
        self.change(|cache| cache.tags_by.push(Arc::new(tag)))
    }

    /// Tells requests apart by these query parameters alone; others are taken away before the handler sees them. `price` stands for
    /// `price[gte]` too. Unless this is said, all of them count.
    #[must_use]
    pub fn vary_by_query(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(Into::into);
        self.change(|cache| cache.query.get_or_insert_default().extend(names))
    }

    /// Tells requests apart by a header, which is said in `Vary`.
    #[must_use]
    pub fn vary_by_header(self, name: impl AsRef<str>) -> Self {
        self.change(|cache| cache.headers.push(name.as_ref().to_ascii_lowercase()))
    }

    /// Keeps answers for those who are signed in too, for each their own: by who it is, by roles, permissions and claims, and by what
    /// `Authorization` says. They are sent with `Cache-Control: private`.
    #[must_use]
    pub fn by_principal(self) -> Self {
        self.change(|cache| cache.whose = Whose::EachTheirOwn)
    }

    /// Makes a new answer for clients that ask for one, by `Cache-Control: no-cache` or `max-age=0`. Anybody can then make the
    /// handler work.
    #[must_use]
    pub fn respect_no_cache(self) -> Self {
        self.change(|cache| cache.no_cache = NoCache::Respected)
    }

    /// Forgets what is kept, here and under the tags, when a request with another method than GET, HEAD, OPTIONS or TRACE was done on
    /// one of the routes that this is around: as of a [resource](crate::rest). Where the request has a
    /// [transaction](crate::transaction) around this middleware too, after its commit.
    ///
    /// What is written elsewhere, it does not see: call [`Cache::forget_tag`](mainstay_store::Cache::forget_tag) there.
    #[must_use]
    pub fn evicted_by_writes(self) -> Self {
        self.change(|cache| cache.writes = Writes::Evict)
    }

    /// Keeps bodies up to this size, in bytes; with its headers an answer may have [4 MiB](mainstay_store::Store::LARGEST_VALUE).
    #[must_use]
    pub fn max_body(self, bytes: u64) -> Self {
        self.change(|cache| cache.max_body = bytes)
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Inner {
    /// What the answer to a request is forgotten by.
    fn tags_of(&self, caller: &Caller<'_>) -> Vec<String> {
        let mut tags = self.tags.clone();
        tags.extend(self.tags_by.iter().filter_map(|tag| tag(caller)));
        if self.writes == Writes::Evict {
            tags.push(format!("output:{}", self.place));
        }
        tags
    }
}

impl Middleware<Self> for OutputCache {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let cache = Arc::clone(&self.0);
        if is_kept(request.method()) {
            return Box::pin(serve::serve(cache, request, next));
        }
        if cache.writes == Writes::Evict && !request.method().is_safe() {
            return Box::pin(serve::write(cache, request, next));
        }
        Box::pin(next.run(request))
    }

    fn describe(&self, operation: &mut Operation) {
        operation.needs.push(Need::of::<Answers>());
        if !is_kept(&operation.method) {
            return;
        }
        let source = Source { file: self.0.place.file(), line: self.0.place.line() };
        let (query, headers) = (self.0.query.clone(), self.0.headers.clone());
        operation.caches.push(CacheSpec { query, headers, source });
        let known = |one: &Parameter| one.name.eq_ignore_ascii_case("If-None-Match");
        if !operation.parameters.iter().any(known) {
            let known = Parameter::new(Place::Header, "If-None-Match").schema(schema_of::<String>());
            operation.parameter(
                known.description("The tag of what the client has: answered with 304 if it is still that."),
            );
        }
        if !operation.responses.iter().any(|response| response.status == 304) {
            operation.response(ResponseSpec::new(304).description("The client has it already."));
        }
        for (name, says) in [
            ("Age", "For how many seconds the answer has been kept."),
            (
                "Cache-Status",
                "Whether the answer was kept, and for how many seconds it still is: `mainstay; hit; ttl=57` (RFC 9211).",
            ),
        ] {
            let header = Parameter::new(Place::Header, name).description(says);
            operation.header(header.schema(schema_of::<String>()));
        }
    }

    fn brings(&self) -> Vec<Module> {
        vec![module::module()]
    }
}

fn is_kept(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

impl fmt::Debug for OutputCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputCache")
            .field("fresh", &self.0.fresh)
            .field("stale", &self.0.stale)
            .field("tags", &self.0.tags)
            .finish_non_exhaustive()
    }
}
