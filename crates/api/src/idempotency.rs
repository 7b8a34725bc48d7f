//! Requests that may be sent again: with the header `Idempotency-Key`, what changes something happens once.
//!
//! A client that does not know whether its request arrived sends it again, with the same key, and gets the answer of the first
//! (draft-ietf-httpapi-idempotency-key-header). [Resources](crate::rest) have this by themselves; other routes by the middleware
//! [`Idempotent`]:
//!
//! ```
//! use mainstay_api::idempotency::Idempotent;
//! use mainstay_api::transaction::RequestTx;
//! use mainstay_core::{App, Result};
//! use mainstay_db::sql;
//! use mainstay_http::{Group, RoutesExt, post, routes};
//!
//! #[post("/")]
//! async fn order(tx: RequestTx) -> Result<&'static str> {
//!     sql("INSERT INTO orders (what) VALUES ('tea')").execute(&tx).await?;
//!     Ok("ordered")
//! }
//!
//! let app = App::new().group(Group::new("/orders").routes(routes![order]).middleware(Idempotent));
//! ```
//!
//! The answer is stored in the transaction in which the handler writes, by [`RequestTx`](crate::RequestTx): both are there, or
//! neither, whatever is killed when. A handler that writes otherwise is run again if the process ends between its commit and
//! that of its answer.
//!
//! What happens to a request with a key:
//!
//! 1. The key is claimed, in a short transaction of its own: for this caller, this method, address and body.
//! 2. The handler runs. Where it succeeds (2xx, 3xx), its answer is kept with the key; where it fails, nothing has happened, and
//!    the key is free again.
//!    A time-out and a client that has gone free it too, a process that has died only when its `lease` is over; so does a
//!    request that takes longer than that, which then writes nothing by its `RequestTx`.
//! 3. The same request with the same key is answered with what is kept, and `Idempotent-Replayed: true`; another request with
//!    this key with 422; one that comes while the first still runs with 409 and `Retry-After`.
//!
//! Answers stay in the table for as long as `keep` says, as they are. One that says `Cache-Control: no-store`, one above 1 MiB and
//! one without a known end are not kept: the request that comes again is told so (409), and not done. An answer is for
//! whoever has sent the request, by [`Principal::identity`], to the same host; who has lost a right meanwhile still gets the answer
//! of before. Callers whom nobody knows share their keys: they should be hard to guess, as UUIDs are.
//!
//! In `keys`: the table, and how a key is claimed; in `answer`: what is kept of an answer.

mod answer;
mod keys;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mainstay_core::clock::Clock;
use mainstay_core::config::{Problems, Section, duration};
use mainstay_core::principal::Principal;
use mainstay_core::service::{Running, Service};
use mainstay_core::{CoreContributions, Error, Fault, Inject, Module, Result, StatusCode};
use mainstay_db::driver::Ending;
use mainstay_db::transaction::OnDemand;
use mainstay_db::{Db, ModelsExt, migrations, models};
use mainstay_http::describe::{ErrorSpec, Operation, Parameter, Place, schema_of};
use mainstay_http::extract::RawBody;
use mainstay_http::{Middleware, Next};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc};

use crate::tenancy::{db_of, key_of};
use crate::transaction::{self, is_success};
use answer::Answer;
use keys::{Claim, Claimed, IdempotencyKey, Whose};

/// The header with the key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of an answer that was given before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Middleware: what changes something happens once for each `Idempotency-Key`. See the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Idempotent;

impl Middleware<Self> for Idempotent {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        if request.extensions().get::<Kept>().is_some() {
            return Box::pin(next.run(request));
        }
        if has_key(&request) { Box::pin(once(request, next)) } else { Box::pin(plain(request, next)) }
    }

    fn describe(&self, operation: &mut Operation) {
        if !is_covered(&operation.method) {
            return;
        }
        let key = Parameter::new(Place::Header, "Idempotency-Key").schema(schema_of::<String>());
        operation.parameter(key.description(
            "Any text that the client makes for this request alone, such as a UUID: sent again with it, it happens once.",
        ));
        operation.error(
            ErrorSpec::new(StatusCode::BAD_REQUEST, "The idempotency key cannot be used.")
                .code("invalid_parameter"),
        );
        operation.error(
            ErrorSpec::new(StatusCode::CONFLICT, "The first request with this key is still running.")
                .code("idempotency_in_progress"),
        );
        operation.error(
            ErrorSpec::new(StatusCode::CONFLICT, "The request was done before, and its answer is not kept.")
                .code("idempotency_answer_not_kept"),
        );
        operation.error(
            ErrorSpec::new(StatusCode::UNPROCESSABLE_ENTITY, "The key was used for another request.")
                .code("idempotency_key_reused"),
        );
    }

    fn brings(&self) -> Vec<Module> {
        vec![module()]
    }
}

/// The same around what begins a transaction of its own: one that comes without a key needs no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdempotentByKey;

impl Middleware<Self> for IdempotentByKey {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        if has_key(&request) { Idempotent.call(request, next) } else { Box::pin(next.run(request)) }
    }

    fn describe(&self, operation: &mut Operation) {
        Idempotent.describe(operation);
    }

    fn brings(&self) -> Vec<Module> {
        Idempotent.brings()
    }
}

fn has_key(request: &Request) -> bool {
    is_covered(request.method()) && request.headers().contains_key(&IDEMPOTENCY_KEY)
}

/// Other methods change nothing, or do the same when they are sent again.
fn is_covered(method: &Method) -> bool {
    [Method::POST, Method::PATCH].contains(method)
}

/// `[idempotency]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct IdempotencyConfig {
    /// How long an answer is kept.
    #[serde(with = "duration")]
    pub keep: Duration,
    /// How long a request whose process has died keeps its key from being tried again.
    #[serde(with = "duration")]
    pub lease: Duration,
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self { keep: Duration::from_secs(24 * 60 * 60), lease: Duration::from_secs(60) }
    }
}

impl Section for IdempotencyConfig {
    const NAME: &'static str = "idempotency";

    fn validate(&self, problems: &mut Problems) {
        if self.lease.is_zero() {
            problems.add("lease", "must not be 0: two requests would run at once", Some("60s"));
        }
        if self.keep < self.lease {
            problems.add("keep", "must not be shorter than `lease`", Some("24h"));
        }
    }
}

/// The module: the table of keys, and the service that empties it. It is brought by the middleware.
pub fn module() -> Module {
    Module::new("idempotency")
        .global()
        .config::<IdempotencyConfig>()
        .models(models![IdempotencyKey])
        .migrations(migrations!().of_library())
        .provide(Idempotency::new)
        .export::<Idempotency>()
        .service(Service::new("idempotency", sweep))
}

/// What the middleware takes from the container.
struct Idempotency {
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
    config: Inject<IdempotencyConfig>,
    given_back: mpsc::Sender<Claim>,
    /// Taken by the service.
    returned: Mutex<mpsc::Receiver<Claim>>,
}

impl Idempotency {
    fn new(db: Inject<Db>, clock: Inject<dyn Clock>, config: Inject<IdempotencyConfig>) -> Self {
        let (given_back, returned) = mpsc::channel(MOST_GIVEN_BACK);
        Self { db, clock, config, given_back, returned: Mutex::new(returned) }
    }
}

/// How many keys of requests that were cut off wait to be free again.
const MOST_GIVEN_BACK: usize = 1_000;

/// How often answers that need not be kept any more are deleted.
const SWEEP: Duration = Duration::from_secs(10 * 60);

async fn sweep(running: Running, idempotency: Inject<Idempotency>) -> Result<()> {
    let mut returned = idempotency.returned.lock().await;
    let mut sweeps = running.every(SWEEP);
    running.ready();
    loop {
        tokio::select! {
            Some(claim) = returned.recv() => release(&claim, &idempotency.db).await,
            goes_on = sweeps.next() => {
                if !goes_on {
                    return Ok(());
                }
                IdempotencyKey::forget(idempotency.clock.now().into(), &idempotency.db).await?;
            }
        }
    }
}

/// Around a request whose answer is kept already: what is further in need not do it again.
#[derive(Clone, Copy)]
struct Kept;

/// A request without a key has its transaction, too.
async fn plain(request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let db = db_of(&mut parts).await?;
    transaction::around(db.transactions(), Request::from_parts(parts, body), next).await
}

async fn once(request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let idempotency = Inject::<Idempotency>::from_request_parts(&mut parts, &()).await?;
    let Ok(who) = Principal::from_request_parts(&mut parts, &()).await;
    if parts.extensions.get::<OnDemand>().is_some_and(OnDemand::has_begun) {
        return Err(Error::internal(
            "a transaction of the request has begun before its idempotency key was looked at: put `Idempotent` around what \
             begins it",
        ));
    }
    // As it came, and not as it is once decompressed: the handler is to read it like that.
    let mut as_it_came = Request::new(body);
    *as_it_came.extensions_mut() = parts.extensions.clone();
    let RawBody(body) = RawBody::from_request(as_it_came, &()).await?;

    let of_request = db_of(&mut parts).await?;
    let whose = Whose { who, tenant: key_of(&mut parts).await? };
    let claim = Claim::new(&whose, &key, &parts, &body);
    let (db, config) = (&*idempotency.db, &*idempotency.config);
    match claim.make(idempotency.clock.now().into(), config, db).await? {
        Claimed::Ours => {}
        Claimed::Kept(answer) => return answer.replayed(),
    }
    // Where the future is dropped, by a time-out or a client that has gone, the key is given back. It is dropped after the
    // transaction.
    let mut held = Held { claim: Some(claim.clone()), given_back: idempotency.given_back.clone() };
    let shared = OnDemand::new(of_request.transactions());
    parts.extensions.insert(shared.clone());
    parts.extensions.insert(Kept);
    let request = Request::from_parts(parts, Body::from(body));
    let outcome = match shared.around(next.run_to_the_end(request)).await {
        Ok(response) if is_success(&response) => keep(response, &claim, &shared, db).await,
        outcome => {
            transaction::undo(&shared).await;
            outcome
        }
    };
    held.claim = None;
    if !outcome.as_ref().is_ok_and(is_success) {
        release(&claim, db).await;
    }
    outcome
}

/// A key that a request has while it runs.
struct Held {
    claim: Option<Claim>,
    given_back: mpsc::Sender<Claim>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            // Should too many be given back at once, the lease of the others ends.
            let _full = self.given_back.try_send(claim);
        }
    }
}

/// Keeps the answer, together with what the handler has written. An error leaves nothing of either.
async fn keep(response: Response, claim: &Claim, shared: &OnDemand, db: &Db) -> Result<Response> {
    let (answer, response) = match Answer::of(response).await {
        Ok(answer) => answer,
        Err(error) => {
            shared.end(Ending::Rollback).await?;
            return Err(error);
        }
    };
    if !shared.has_begun() {
        claim.keep(answer, db).await?;
        return Ok(response);
    }
    let kept = claim.keep(answer, &*shared.get().await?).await;
    let ending = if kept.is_ok() { Ending::Commit } else { Ending::Rollback };
    shared.end(ending).await?;
    kept.map(|()| response)
}

/// Lets the key be tried again. Where that fails, its lease ends.
async fn release(claim: &Claim, db: &Db) {
    if let Err(error) = claim.release(db).await {
        tracing::warn!(target: "mainstay::api", error = %error.report(), "an idempotency key could not be released");
    }
}

/// The key of a request. The draft writes it as a quoted text; most clients do not.
fn key(headers: &HeaderMap) -> Result<String> {
    const LONGEST: usize = 255;
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let text = match (values.next().map(HeaderValue::to_str), values.next()) {
        (Some(Ok(text)), None) => text.trim(),
        _ => "",
    };
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let key = quoted.unwrap_or(text);
    if (1..=LONGEST).contains(&key.len()) {
        return Ok(key.to_owned());
    }
    let message = format!("expected one text of 1 to {LONGEST} characters, such as a UUID");
    let fault = Fault::new("header:idempotency-key", "type", message);
    Err(Error::bad_request("The request cannot be understood.")
        .code("invalid_parameter")
        .with_faults(vec![fault]))
}

/// 409 for a request that comes while the first one with its key runs.
fn in_progress() -> Error {
    Error::conflict("The first request with this idempotency key is still running.")
        .code("idempotency_in_progress")
        .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static(value));
        }
        key(&headers).ok()
    }

    #[test]
    fn takes_one_key_with_quotation_marks_or_without() {
        assert_eq!(read(&["\"a b\""]).as_deref(), Some("a b"));
        assert_eq!(read(&[" a-b "]).as_deref(), Some("a-b"));
        assert_eq!(read(&["\""]).as_deref(), Some("\""));
        assert_eq!((read(&["a", "b"]), read(&["\"\""]), read(&[""])), (None, None, None));
    }
}
