//! Resources over REST: `.resource(Resource::<Article>::new("/articles"))`.
//!
//! | | |
//! |---|---|
//! | `GET /articles` | some rows: filters, words, order, fields, pages |
//! | `POST /articles` | makes one |
//! | `GET /articles/{key}` | one |
//! | `PUT /articles/{key}` | replaces one |
//! | `PATCH /articles/{key}` | changes some of its fields (JSON Merge Patch, RFC 7396) |
//! | `DELETE /articles/{key}` | takes one away |
//!
//! This only translates: what is allowed, and what happens to rows, is in `mainstay-resource`. A handler of one's own at one of
//! these addresses goes before.
//!
//! - `query`: what the query string asks for; `answer`: rows, pages and their headers.
//! - `schema`: what the rows of a model look like in JSON; `describe`: what the routes say about themselves.

mod answer;
mod describe;
mod query;
mod schema;

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawQuery};
use http::request::Parts;
use http::{HeaderMap, Method};
use mainstay_core::principal::Principal;
use mainstay_core::{Contribute, Error, Inject, Result};
use mainstay_db::{Db, Model, Models, ModelsExt};
use mainstay_http::extract::{Header, IfMatch, Json, Path};
use mainstay_http::respond::NoContent;
use mainstay_http::{Route, Routes, RoutesExt};
use mainstay_resource::{Caller, Operations, Policies, PoliciesExt, Removal, Resource, Save, Saving};
use serde_json::value::RawValue;

use answer::tags_of;

/// Offers models over REST. In the prelude.
pub trait ResourcesExt: Contribute {
    /// Offers the rows of a model: its table, its policy if it comes with one, and its routes.
    #[must_use]
    fn resource<M: Model>(self, mut resource: Resource<M>) -> Self {
        let policy = resource.take_policy();
        let address = resource.address().trim_end_matches('/').to_owned();
        let offered = self
            .contribute(mainstay_resource::module::Offered::new(M::META, &address))
            .models(Models::new([M::META]))
            .routes(routes::<M>(&address, Arc::new(resource)));
        match policy {
            Some(policy) => offered.shared_policy(policy),
            None => offered,
        }
    }
}

impl<C: Contribute> ResourcesExt for C {}

type Shared = Arc<dyn Operations>;

/// What every operation needs of a request.
struct Asking {
    who: Principal,
    db: Inject<Db>,
    policies: Inject<Policies>,
}

impl Asking {
    fn caller(&self) -> Caller<'_> {
        Caller { who: &self.who, db: &self.db, policies: &self.policies }
    }
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Ok(who) = Principal::from_request_parts(parts, state).await;
        Ok(Self {
            who,
            db: Inject::from_request_parts(parts, state).await?,
            policies: Inject::from_request_parts(parts, state).await?,
        })
    }
}

fn routes<M: Model>(address: &str, resource: Shared) -> Routes {
    let one = format!("{address}/{{key}}");
    let includes = resource.includes();
    let route = |method: Method, path: &str, route: fn(Method, &str, Shared) -> Route| {
        route(method, path, Arc::clone(&resource)).yielding()
    };
    Routes::new()
        .route(describe::list::<M>(route(Method::GET, address, list), &includes))
        .route(describe::create::<M>(route(Method::POST, address, create)))
        .route(describe::get::<M>(route(Method::GET, &one, get), &includes))
        .route(describe::save::<M>(route(Method::PUT, &one, replace), Save::Replace))
        .route(describe::save::<M>(route(Method::PATCH, &one, merge), Save::Merge))
        .route(describe::remove::<M>(route(Method::DELETE, &one, remove)))
}

fn list(method: Method, path: &str, resource: Shared) -> Route {
    let address = path.to_owned();
    Route::new(method, path, move |asking: Asking, query: RawQuery| {
        let (resource, address) = (Arc::clone(&resource), address.clone());
        async move {
            let RawQuery(query) = query;
            let asked = query::read(query.as_deref())?;
            let listing = resource.list(asking.caller(), &asked).await?;
            answer::listing(listing, &address, query.as_deref())
        }
    })
}

fn create(method: Method, path: &str, resource: Shared) -> Route {
    let address = path.to_owned();
    Route::new(method, path, move |asking: Asking, Json(body): Json<Box<RawValue>>| {
        let (resource, address) = (Arc::clone(&resource), address.clone());
        async move {
            let saving = Saving { how: Save::Create, key: "", body: &body, expected: None };
            answer::created(resource.save(asking.caller(), saving).await?, &address)
        }
    })
}

fn get(method: Method, path: &str, resource: Shared) -> Route {
    Route::new(
        method,
        path,
        move |asking: Asking, Path(key): Path<String>, headers: HeaderMap, RawQuery(query): RawQuery| {
            let resource = Arc::clone(&resource);
            async move {
                let shape = query::shape(query.as_deref())?;
                let record = resource.get(asking.caller(), &key, &shape).await?;
                answer::shown(record, shape.is_whole(), &headers)
            }
        },
    )
}

fn replace(method: Method, path: &str, resource: Shared) -> Route {
    saving(method, path, resource, Save::Replace)
}

fn merge(method: Method, path: &str, resource: Shared) -> Route {
    saving(method, path, resource, Save::Merge)
}

fn saving(method: Method, path: &str, resource: Shared, how: Save) -> Route {
    Route::new(
        method,
        path,
        move |asking: Asking,
              Path(key): Path<String>,
              headers: HeaderMap,
              Json(body): Json<Box<RawValue>>| {
            let resource = Arc::clone(&resource);
            async move {
                let expected = expected(&headers)?;
                let saving = Saving { how, key: &key, body: &body, expected: expected.as_deref() };
                answer::saved(resource.save(asking.caller(), saving).await?)
            }
        },
    )
}

fn remove(method: Method, path: &str, resource: Shared) -> Route {
    Route::new(method, path, move |asking: Asking, Path(key): Path<String>, headers: HeaderMap| {
        let resource = Arc::clone(&resource);
        async move {
            let expected = expected(&headers)?;
            let removal = Removal { key: &key, expected: expected.as_deref() };
            resource.remove(asking.caller(), removal).await.map(|()| NoContent)
        }
    })
}

/// The tags of `If-Match`, if the client has sent one.
fn expected(headers: &HeaderMap) -> Result<Option<Vec<String>>> {
    Ok(Header::<IfMatch>::of(headers)?.and_then(|Header(IfMatch(tags))| tags_of(tags)))
}
