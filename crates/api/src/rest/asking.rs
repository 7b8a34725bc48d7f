//! What every operation needs of a request.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::transaction::OnDemand;
use mainstay_db::{Db, Tx};
use mainstay_http::RouteMatch;
use mainstay_resource::{Caller, Policies};

use super::Offer;
use crate::tenancy::db_of;

/// Who asks, with what, and for which row.
pub(super) struct Asking {
    who: Principal,
    db: Db,
    policies: Inject<Policies>,
    shared: Option<OnDemand>,
    parent: Option<String>,
    parameters: Option<RouteMatch>,
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Ok(who) = Principal::from_request_parts(parts, state).await;
        let parameters = parts.extensions.get::<RouteMatch>().cloned();
        // The key of the row is the last one: before it is that of the row around it.
        let parent = parameters.as_ref().and_then(|all| all.params().next()).map(|(_, key)| key.into_owned());
        Ok(Self {
            who,
            db: db_of(parts).await?,
            policies: Inject::from_request_parts(parts, state).await?,
            shared: parts.extensions.get::<OnDemand>().cloned(),
            parent,
            parameters,
        })
    }
}

impl Asking {
    /// Who reads rows of no offer.
    pub(super) fn reader(&self) -> Caller<'_> {
        Caller { who: &self.who, db: &self.db, policies: &self.policies, tx: None, parent: None }
    }

    /// Who reads.
    pub(super) fn caller<'a>(&'a self, offer: &Offer) -> Caller<'a> {
        Caller { parent: self.parent.as_deref().filter(|_| offer.is_within), ..self.reader() }
    }

    /// Who writes, in this transaction if there is one.
    pub(super) fn writer<'a>(&'a self, offer: &Offer, tx: Option<&'a Tx>) -> Caller<'a> {
        Caller { tx, ..self.caller(offer) }
    }

    /// The transaction of the request, if something around it has one.
    pub(super) async fn transaction(&self) -> Result<Option<Arc<Tx>>> {
        match &self.shared {
            Some(shared) => shared.get().await.map(Some),
            None => Ok(None),
        }
    }

    /// The key of the row.
    pub(super) fn key(&self) -> Cow<'_, str> {
        let last = self.parameters.as_ref().and_then(|all| all.params().last());
        last.map_or(Cow::Borrowed(""), |(_, key)| key)
    }

    /// Where the rows are, with the key of the row around them as the client has written it.
    pub(super) fn address(&self, offer: &Offer) -> String {
        let parent = self.parameters.as_ref().filter(|_| offer.is_within).and_then(|all| all.raw().next());
        match (offer.path.split_once('{'), parent) {
            (Some((before, rest)), Some((_, key))) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                format!("{before}{key}{after}")
            }
            _ => offer.path.clone(),
        }
    }
}
