//! The way of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::Body as _;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::transaction::OnDemand;
use mainstay_http::{Exchange, Next};
use mainstay_store::cache::{Freshness, Making, Turn};
use mainstay_store::{Cache, Keep};

use super::Inner;
use super::answer::{Answer, Times, collect};
use super::answers::Answers;
use super::fields::{Known, Status, add_varying};
use super::key::Passes;
use crate::rate_limit::Caller;
use crate::tenancy::key_of;

/// An output cache is around the request already: what is inside does nothing more.
#[derive(Clone, Copy)]
struct Around;

/// Answers a request that reads: with what is kept, or as the handler does.
pub(super) async fn serve(cache: Arc<Inner>, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let answers = Inject::<Answers>::from_request_parts(&mut parts, &()).await?;
    if !answers.is_enabled() || parts.extensions.get::<Around>().is_some() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    // Found before what is not in the key is taken away, and the same for whoever is inside.
    let tenant = key_of(&mut parts).await?;
    // A handler may read a body that nobody expects.
    let key =
        if body.size_hint().exact() == Some(0) { cache.key(&parts, &tenant) } else { Err(Passes("body")) };
    let key = match key {
        Ok(key) => key,
        Err(Passes(why)) => {
            answers.count(Status::Bypass(why));
            let outcome = next.run(Request::from_parts(parts, body)).await;
            return Status::Bypass(why).say(outcome.map(|mut response| {
                add_varying(response.headers_mut(), &cache.headers);
                response
            }));
        }
    };
    let known = Known::of(&parts.headers);
    let is_anew = cache.is_made_anew(&parts.headers);
    let is_private = parts.extensions.get().is_some_and(Principal::is_authenticated);
    let tags = cache.tags_of(&Caller::new(&parts));
    let now = answers.now();
    let judge = |kept: &Bytes| match Times::of(kept) {
        Some(times) if !is_anew => judge(times, times.age(now), cache.stale),
        _ => Freshness::Unusable,
    };
    let turn = answers.cache().turn(&key, judge).await;

    cache.strip(&mut parts);
    parts.extensions.insert(Around);
    let request = Request::from_parts(parts, body);
    let work = Work { cache: Arc::clone(&cache), answers: Inject::clone(&answers), tags };
    let (outcome, status) = match turn {
        Ok(Turn::Make(making)) => work.make(making, request, next).await,
        Ok(Turn::Kept(kept)) => given(&kept, &answers, Status::Hit, request, next).await,
        Ok(Turn::Shared(kept)) => given(&kept, &answers, |_| Status::Collapsed, request, next).await,
        Ok(Turn::Refresh(kept, making)) => match Answer::read(&kept) {
            Some(answer) => {
                answers.cache().make_in_background(work.make_anew(making, request, next));
                taken(answer, &answers, Status::Hit)
            }
            None => work.make(making, request, next).await,
        },
        Ok(Turn::Alone) => (next.run(request).await, Status::NotStored("alone")),
        Err(_) => (next.run(request).await, Status::NotStored("store")),
    };
    answers.count(status);
    status.say(outcome.map(|mut response| {
        let headers = response.headers_mut();
        add_varying(headers, &cache.headers);
        if is_private && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        }
        known.or_not_modified(response)
    }))
}

fn judge(times: Times, age: Duration, stale: Duration) -> Freshness {
    if age < times.fresh() {
        Freshness::Fresh
    } else if age < times.fresh().saturating_add(stale) {
        Freshness::Stale
    } else {
        Freshness::Unusable
    }
}

/// What is kept as the answer; where it cannot be read, what the handler says.
async fn given(
    kept: &Bytes,
    answers: &Answers,
    status: impl FnOnce(i64) -> Status,
    request: Request,
    next: Next,
) -> (Result<Response>, Status) {
    match Answer::read(kept) {
        Some(answer) => taken(answer, answers, status),
        None => (next.run(request).await, Status::NotStored("unreadable")),
    }
}

fn taken(
    answer: Answer,
    answers: &Answers,
    status: impl FnOnce(i64) -> Status,
) -> (Result<Response>, Status) {
    let now = answers.now();
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let ttl = seconds(answer.times.fresh()) - seconds(answer.times.age(now));
    (Ok(answer.into_response(now)), status(ttl))
}

/// An answer that is to be made.
struct Work {
    cache: Arc<Inner>,
    answers: Inject<Answers>,
    tags: Vec<String>,
}

impl Work {
    async fn make(self, making: Making, request: Request, next: Next) -> (Result<Response>, Status) {
        let exchange = request.extensions().get::<Exchange>().cloned();
        let mut response = match next.run(request).await {
            Ok(response) => response,
            Err(error) => {
                making.pass();
                return (Err(error), Status::NotStored("error"));
            }
        };
        let fresh = match self.cache.lifetime(&response, exchange.as_ref()) {
            Ok(fresh) => fresh,
            Err(why) => {
                making.pass();
                return (Ok(response), Status::NotStored(why));
            }
        };
        let body = match collect(std::mem::take(response.body_mut()), self.cache.max_body).await {
            Ok(body) => body,
            Err(error) => {
                making.pass();
                return (Err(error), Status::NotStored("error"));
            }
        };
        *response.body_mut() = Body::from(body.clone());
        let answer = Answer::new(&mut response, body, self.answers.now(), fresh);
        let Some(kept) = answer.write() else {
            making.pass();
            return (Ok(response), Status::NotStored("too-large"));
        };
        let lifetime = Keep::for_(fresh.saturating_add(self.cache.stale));
        let keep = self.tags.into_iter().fold(lifetime, Keep::tag);
        let status = match making.keep(kept, keep).await {
            Ok(true) => Status::Stored,
            Ok(false) => Status::NotStored("forgotten"),
            Err(_) => Status::NotStored("store"),
        };
        (Ok(response), status)
    }

    /// In the background: after the answer that was stale.
    async fn make_anew(self, making: Making, mut request: Request, next: Next) {
        // That of the request has ended then.
        request.extensions_mut().remove::<OnDemand>();
        let path = request.uri().path().to_owned();
        if let (Err(error), _) = self.make(making, request, next).await {
            tracing::warn!(target: "mainstay::api", path, error = %error.report(), "an answer that is stale could not be made anew");
        }
    }
}

/// Does what changes something, and forgets what is kept.
pub(super) async fn write(cache: Arc<Inner>, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let answers = Inject::<Answers>::from_request_parts(&mut parts, &()).await?;
    let tags = cache.tags_of(&Caller::new(&parts));
    let shared = parts.extensions.get::<OnDemand>().cloned();
    // What fails on our side may have changed something before.
    let outcome = next.run_to_the_end(Request::from_parts(parts, body)).await;
    let status = outcome.as_ref().map_or_else(Error::status, Response::status);
    if status.is_client_error() || !answers.is_enabled() {
        return outcome;
    }
    let forget = forget(answers.cache().clone(), tags);
    match shared.filter(OnDemand::has_begun) {
        Some(shared) => shared.get().await?.after_commit(async move {
            forget.await;
            Ok(())
        }),
        None => forget.await,
    }
    outcome
}

async fn forget(cache: Cache, tags: Vec<String>) {
    for tag in tags {
        if let Err(error) = cache.forget_tag(&tag).await {
            tracing::warn!(target: "mainstay::api", tag, error = %error.report(), "answers stay that are out of date");
        }
    }
}
