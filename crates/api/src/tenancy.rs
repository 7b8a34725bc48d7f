//! For which tenant a request is: what its handlers and the resources of the application run on.
//!
//! ```
//! use mainstay_api::tenancy::{TenancyExt, TenantDb, TenantFrom};
//! use mainstay_core::{App, Result};
//! use mainstay_db::model;
//! use mainstay_http::{Json, RoutesExt, get, routes};
//!
//! #[model]
//! pub struct Invoice {
//!     pub id: i64,
//!     #[field(tenant, index)]
//!     pub company: i64,
//!     pub total: i64,
//! }
//!
//! /// My company's invoices.
//! #[get("/invoices")]
//! async fn invoices(db: TenantDb) -> Result<Json<Vec<Invoice>>> {
//!     Ok(Json(Invoice::query().all(&db).await?))
//! }
//!
//! let app = App::new().tenancy(TenantFrom::claim::<i64>("company")).routes(routes![invoices]);
//! ```
//!
//! A claim is what the application itself says of who has signed in ([`Principal::with_claim`]). A header or a host is only what
//! somebody asks for: say by [`allowed_by`](TenantFrom::allowed_by) which they may.
//!
//! Resources (`.resource(…)`) are of the tenant by themselves, as is the [transaction](crate::transaction::transaction) of a request.
//! A request of no tenant finds no row of models that have tenants.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::request::Parts;
use mainstay_core::principal::Principal;
use mainstay_core::{Contribute, Contribution, Contributions, Error, Inject, Result};
use mainstay_db::executor::{Executor, Target};
use mainstay_db::{Db, Stored, Value};
use mainstay_http::Exchange;
use mainstay_http::describe::{Describe, ErrorSpec, Operation};
use serde::de::DeserializeOwned;

/// What is known when it is asked for which tenant a request is.
#[derive(Clone, Debug)]
pub struct TenantQuestion {
    /// Who sends the request.
    pub who: Principal,
    /// How it came.
    pub exchange: Exchange,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// The database, across tenants.
    pub db: Db,
}

type Find = dyn Fn(TenantQuestion) -> BoxFuture<'static, Result<Option<Value>>> + Send + Sync;

/// How it is found out for which tenant a request is.
#[derive(Clone)]
pub struct TenantFrom(Arc<Find>);

impl fmt::Debug for TenantFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantFrom")
    }
}

impl TenantFrom {
    /// From this function: a look-up by the host, the first company of an account. An error refuses the request.
    pub fn new<T, F, Fut>(find: F) -> Self
    where
        T: Stored,
        F: Fn(TenantQuestion) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<T>>> + Send + 'static,
    {
        Self(Arc::new(move |asked| {
            let found = find(asked);
            Box::pin(async move { Ok(found.await?.map(Stored::into_value)) })
        }))
    }

    /// From a claim of who has signed in.
    pub fn claim<T: Stored + DeserializeOwned>(name: &'static str) -> Self {
        Self::at_once(move |asked| {
            let Some(claim) = asked.who.claim(name).filter(|claim| !claim.is_null()) else { return Ok(None) };
            let tenant = serde_json::from_value::<T>(claim.clone());
            tenant
                .map(Some)
                .map_err(|error| Error::internal(format!("the claim `{name}` is no tenant: {error}")))
        })
    }

    /// From a header of the request, which anybody may send: see [`allowed_by`](Self::allowed_by).
    pub fn header<T: Stored + FromStr>(name: &'static str) -> Self {
        Self::at_once(move |asked| {
            let mut all = asked.headers.get_all(name).iter();
            match (all.next(), all.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => {
                    value.to_str().ok().and_then(|text| text.parse::<T>().ok()).map(Some).ok_or_else(unknown)
                }
                // Of two, either could be the one that somebody else has looked at.
                (Some(_), Some(_)) => Err(unknown()),
            }
        })
    }

    /// From what stands before this domain in the host that is asked for: `acme` of `acme.example.com`. Anybody may ask for any: see
    /// [`allowed_by`](Self::allowed_by).
    pub fn subdomain_of<T: Stored + FromStr>(domain: &'static str) -> Self {
        Self::at_once(move |asked| {
            let host = asked.exchange.host().unwrap_or_default().to_ascii_lowercase();
            let host = host.rsplit_once(':').map_or(&*host, |(host, _)| host);
            let before = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
            let Some(name) = before.filter(|name| !name.is_empty() && !name.contains('.')) else {
                return Ok(None);
            };
            name.parse::<T>().map(Some).map_err(|_| unknown())
        })
    }

    fn at_once<T: Stored>(
        find: impl Fn(&TenantQuestion) -> Result<Option<T>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |asked| {
            let found = find(&asked).map(|tenant| tenant.map(Stored::into_value));
            Box::pin(std::future::ready(found))
        }))
    }

    /// Only where this claim of who has signed in is that tenant, or has it among others: `["acme", "bolt"]`. For others the answer
    /// is 403, and 401 where nobody is known.
    #[must_use]
    pub fn allowed_by<T: Stored + DeserializeOwned>(self, claim: &'static str) -> Self {
        Self(Arc::new(move |asked| {
            let (who, found) = (asked.who.clone(), (self.0)(asked));
            Box::pin(async move {
                let Some(tenant) = found.await? else { return Ok(None) };
                let own = match who.claim(claim) {
                    Some(serde_json::Value::Array(several)) => several.clone(),
                    Some(one) => vec![one.clone()],
                    None => Vec::new(),
                };
                let own = own.into_iter().filter_map(|one| serde_json::from_value::<T>(one).ok());
                if own.map(Stored::into_value).any(|own| own == tenant && !own.is_null()) {
                    return Ok(Some(tenant));
                }
                Err(refused(&who))
            })
        }))
    }
}

impl Contribution for TenantFrom {}

/// Says for which tenant requests are. In the prelude.
pub trait TenancyExt: Contribute {
    /// Requests are for the tenant that this finds.
    #[must_use]
    fn tenancy(self, tenant: TenantFrom) -> Self {
        self.contribute(tenant)
    }
}

impl<C: Contribute> TenancyExt for C {}

fn unknown() -> Error {
    Error::bad_request("There is no such tenant.").code("invalid_tenant")
}

fn refused(who: &Principal) -> Error {
    if who.is_authenticated() {
        Error::forbidden("You do not belong to this tenant.").code("wrong_tenant")
    } else {
        Error::unauthorized("Sign in first.")
    }
}

/// What was found, once for a request.
#[derive(Clone)]
struct Found(Option<Value>);

/// The tenant of a request; none where it is of none, or where the application has no tenants.
async fn tenant_of(parts: &mut Parts) -> Result<Option<Found>> {
    if let Some(found) = parts.extensions.get::<Found>() {
        return Ok(Some(found.clone()));
    }
    let contributions = Inject::<Contributions>::from_request_parts(parts, &()).await?;
    let Some(from) = contributions.of::<TenantFrom>().last() else { return Ok(None) };
    let Ok(who) = Principal::from_request_parts(parts, &()).await;
    let asked = TenantQuestion {
        who,
        exchange: Exchange::from_request_parts(parts, &()).await?,
        headers: parts.headers.clone(),
        db: Inject::<Db>::from_request_parts(parts, &()).await?.across_tenants(),
    };
    let found = Found((from.value.0)(asked).await?);
    parts.extensions.insert(found.clone());
    Ok(Some(found))
}

/// The tenant of a request, as the key of what is kept for it: of what is kept for one, another has nothing. Empty where the application
/// has no tenants.
pub(crate) async fn key_of(parts: &mut Parts) -> Result<String> {
    // With its type: the number 1 is not the text "1".
    Ok(tenant_of(parts).await?.map(|Found(tenant)| format!("{tenant:?}")).unwrap_or_default())
}

/// The database as a request sees it: of its tenant, if the application has tenants.
pub(crate) async fn db_of(parts: &mut Parts) -> Result<Db> {
    let db = Inject::<Db>::from_request_parts(parts, &()).await?;
    Ok(match tenant_of(parts).await? {
        None => Db::clone(&db),
        // For a tenant that there is not: nothing is found, and nothing can be stored.
        Some(Found(tenant)) => db.tenant_by_value(tenant.unwrap_or(Value::Null)),
    })
}

/// The database of the tenant that the request is for: an executor, and all that a [`Db`] is. Whoever is of no tenant is answered
/// with 403, or with 401.
#[derive(Clone, Debug)]
pub struct TenantDb(Db);

impl Deref for TenantDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.0
    }
}

impl Executor for TenantDb {
    #[track_caller]
    fn target(&self) -> Target<'_> {
        self.0.target()
    }
}

impl<S: Sync> FromRequestParts<S> for TenantDb {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let db = Inject::<Db>::from_request_parts(parts, &()).await?;
        let Some(Found(tenant)) = tenant_of(parts).await? else {
            return Err(Error::internal(
                "this handler takes a `TenantDb`, and nothing says for which tenant a request is: add `.tenancy(TenantFrom::…)`",
            ));
        };
        let Ok(who) = Principal::from_request_parts(parts, &()).await;
        tenant.map(|tenant| Self(db.tenant_by_value(tenant))).ok_or_else(|| refused(&who))
    }
}

impl Describe for TenantDb {
    fn describe(operation: &mut Operation) {
        Inject::<Db>::describe(operation);
        Inject::<Contributions>::describe(operation);
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "Nobody is signed in."));
        let refused = ErrorSpec::new(StatusCode::FORBIDDEN, "The caller does not belong to the tenant.");
        operation.error(refused.code("wrong_tenant"));
    }
}
