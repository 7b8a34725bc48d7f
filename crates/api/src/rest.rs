//! Resources over REST: `.resource(Resource::<Article>::new("/articles"))`.
//!
//! | | |
//! |---|---|
//! | `GET /articles` | some rows: filters, words, order, fields, pages |
//! | `POST /articles` | makes one |
//! | `PATCH /articles` | makes, changes and takes away several, all of them or none |
//! | `GET /articles/{key}` | one |
//! | `PUT /articles/{key}` | replaces one |
//! | `PATCH /articles/{key}` | changes some of its fields (JSON Merge Patch, RFC 7396, or JSON Patch, RFC 6902) |
//! | `DELETE /articles/{key}` | takes one away |
//!
//! This only translates: what is allowed, and what happens to rows, is in `mainstay-resource`. A handler of one's own at one of
//! these addresses goes before.
//!
//! A custom action is a handler that takes the row as an argument: [`Authorized`].
//!
//! - [`authorized`]: a row that the caller may act on.
//! - `asking`: what every operation needs of a request.
//! - `query`: what the query string asks for; `bulk`: several writes in one body; `answer`: rows, pages and their headers.
//! - `schema`: what the rows of a model look like in JSON; `describe`: what the routes say about themselves.

mod answer;
mod asking;
pub mod authorized;
mod bulk;
mod describe;
mod query;
mod schema;

use std::sync::Arc;

use axum::extract::RawQuery;
use http::{HeaderMap, Method, header};
use mainstay_core::{Contribute, Result};
use mainstay_db::{Model, Models, ModelsExt};
use mainstay_http::extract::{Header, IfMatch, Json};
use mainstay_http::respond::NoContent;
use mainstay_http::{Route, Routes, RoutesExt};
use mainstay_resource::{Operations, PoliciesExt, Removal, Resource, Save, Saving};
use serde_json::value::RawValue;

use crate::idempotency::IdempotentByKey;

use answer::tags_of;
use asking::Asking;
pub use authorized::Authorized;
use describe::Describing;

/// Offers models over REST. In the prelude.
pub trait ResourcesExt: Contribute {
    /// Offers the rows of a model: its table, its policy if it comes with one, and its routes.
    #[must_use]
    fn resource<M: Model>(self, mut resource: Resource<M>) -> Self {
        let policy = resource.take_policy();
        let offered =
            self.contribute(resource.offered()).models(Models::new([M::META])).routes(routes(resource));
        match policy {
            Some(policy) => offered.shared_policy(policy),
            None => offered,
        }
    }
}

impl<C: Contribute> ResourcesExt for C {}

/// The media type of RFC 6902.
const JSON_PATCH: &str = "application/json-patch+json";

/// A resource, as its routes share it.
struct Offer {
    operations: Box<dyn Operations>,
    /// The path of its rows, as a pattern.
    path: String,
    is_within: bool,
}

fn routes<M: Model>(resource: Resource<M>) -> Routes {
    let rows = resource.path().to_owned();
    let one = format!("{rows}/{{{}}}", resource.parameter());
    let describing = Describing::new(&resource);
    let is_within = !resource.settled().is_empty();
    let offer = Arc::new(Offer { operations: Box::new(resource), path: rows.clone(), is_within });
    let plain = |method: Method, path: &str, route: fn(Method, &str, Arc<Offer>) -> Route| {
        route(method, path, Arc::clone(&offer)).yielding()
    };
    let once = |method, path, route| plain(method, path, route).middleware(IdempotentByKey);
    Routes::new()
        .route(describing.list(plain(Method::GET, &rows, list)))
        .route(describing.create(once(Method::POST, &rows, create)))
        .route(describing.bulk(once(Method::PATCH, &rows, bulk)))
        .route(describing.get(plain(Method::GET, &one, get)))
        .route(describing.save(plain(Method::PUT, &one, replace), Save::Replace))
        .route(describing.save(once(Method::PATCH, &one, merge), Save::Merge))
        .route(describing.remove(plain(Method::DELETE, &one, remove)))
}

fn list(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    Route::new(method, path, move |asking: Asking, RawQuery(query): RawQuery| {
        let offer = Arc::clone(&offer);
        async move {
            let asked = query::read(query.as_deref());
            let listing = offer.operations.list(asking.caller(&offer), &asked).await?;
            answer::listing(listing, &asking.address(&offer), query.as_deref())
        }
    })
}

fn create(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    Route::new(method, path, move |asking: Asking, Json(body): Json<Box<RawValue>>| {
        let offer = Arc::clone(&offer);
        async move {
            let tx = asking.transaction().await?;
            let saving = Saving { how: Save::Create, key: "", body: &body, expected: None };
            let saved = offer.operations.save(asking.writer(&offer, tx.as_deref()), saving).await?;
            answer::created(saved, &asking.address(&offer))
        }
    })
}

fn bulk(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    Route::new(method, path, move |asking: Asking, Json(body): Json<bulk::Body>| {
        let offer = Arc::clone(&offer);
        async move {
            let tx = asking.transaction().await?;
            let writes = body.writes()?;
            let done = offer.operations.write(asking.writer(&offer, tx.as_deref()), &writes).await;
            bulk::answer(done, &writes)
        }
    })
}

fn get(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    Route::new(method, path, move |asking: Asking, headers: HeaderMap, RawQuery(query): RawQuery| {
        let offer = Arc::clone(&offer);
        async move {
            let shape = query::shape(query.as_deref())?;
            let record = offer.operations.get(asking.caller(&offer), &asking.key(), &shape).await?;
            answer::shown(record, shape.is_whole(), &headers)
        }
    })
}

fn replace(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    saving(method, path, offer, Save::Replace)
}

fn merge(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    saving(method, path, offer, Save::Merge)
}

fn saving(method: Method, path: &str, offer: Arc<Offer>, how: Save) -> Route {
    Route::new(method, path, move |asking: Asking, headers: HeaderMap, Json(body): Json<Box<RawValue>>| {
        let offer = Arc::clone(&offer);
        async move {
            let (expected, tx) = (expected(&headers)?, asking.transaction().await?);
            let how = if how == Save::Merge && is_json_patch(&headers) { Save::Patch } else { how };
            let saving = Saving { how, key: &asking.key(), body: &body, expected: expected.as_deref() };
            answer::saved(offer.operations.save(asking.writer(&offer, tx.as_deref()), saving).await?)
        }
    })
}

fn remove(method: Method, path: &str, offer: Arc<Offer>) -> Route {
    Route::new(method, path, move |asking: Asking, headers: HeaderMap| {
        let offer = Arc::clone(&offer);
        async move {
            let (expected, tx) = (expected(&headers)?, asking.transaction().await?);
            let removal = Removal { key: &asking.key(), expected: expected.as_deref() };
            let removed = offer.operations.remove(asking.writer(&offer, tx.as_deref()), removal).await;
            removed.map(|()| NoContent)
        }
    })
}

fn is_json_patch(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(JSON_PATCH)
}

/// The tags of `If-Match`, if the client has sent one.
fn expected(headers: &HeaderMap) -> Result<Option<Vec<String>>> {
    Ok(Header::<IfMatch>::of(headers)?.and_then(|Header(IfMatch(tags))| tags_of(tags)))
}
