//! What every page needs, and how whoever asks is answered: a browser by pages and redirects, a program by JSON.

use axum::RequestPartsExt;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::Method;
use http::request::Parts;
use mainstay_auth::{Audit, SecurityEvent};
use mainstay_core::clock::Clock;
use mainstay_core::principal::Principal;
use mainstay_core::{Contributions, Error, Inject, Result};
use mainstay_http::negotiate::Accepts;
use mainstay_http::{Exchange, Json, NoStore, Redirect, Session};
use mainstay_jobs::Jobs;
use mainstay_jobs::survey::JobFilter;
use mainstay_view::{Context, Views};
use serde::Serialize;
use serde_json::json;

use super::JobDashboard;

/// A request for one of these pages.
pub(super) struct Visit {
    pub(super) jobs: Inject<Jobs>,
    pub(super) now: DateTime<Utc>,
    /// Where the dashboard is.
    pub(super) base: String,
    views: Views,
    session: Option<Session>,
    exchange: Exchange,
    audit: Option<Inject<Audit>>,
    who: Principal,
    may_act: bool,
    is_program: bool,
    /// Whether a script asks for what changes on a page that is there already.
    is_fragment: bool,
}

impl Visit {
    /// A page, or what changes on it. A program gets `data`.
    pub(super) fn page<T: Serialize>(
        &self,
        view: &str,
        data: &T,
        context: impl FnOnce() -> Context,
    ) -> Result<Response> {
        if self.is_program {
            return Ok(NoStore(Json(data)).into_response());
        }
        let context = context().with("base", &self.base).with("may_act", self.may_act);
        let context = context.with("here", self.here());
        let page = match self.is_fragment {
            true => self.views.render_block(view, "live", context)?,
            false => self.views.render(view, context)?,
        };
        Ok(NoStore(page).into_response())
    }

    /// It is done: the browser goes on to a page of the dashboard, and is told so there.
    pub(super) fn done(&self, next: &str, told: &str) -> Result<Response> {
        if self.is_program {
            return Ok(NoStore(Json(json!({ "message": told }))).into_response());
        }
        Ok(self.go_on(next, "success", told))
    }

    /// There was nothing to do, or it could not be done: a program is told by an error.
    pub(super) fn not_done(&self, next: &str, told: &str) -> Result<Response> {
        if self.is_program {
            return Err(Error::conflict(told.to_owned()).code("job_state"));
        }
        Ok(self.go_on(next, "error", told))
    }

    fn go_on(&self, next: &str, kind: &str, told: &str) -> Response {
        if let Some(session) = &self.session {
            session.flash(kind, told);
        }
        Redirect::local(&format!("{}{next}", self.base)).into_response()
    }

    /// Records what somebody is about to do. What is not recorded is not done.
    pub(super) async fn record(&self, event: SecurityEvent) -> Result<()> {
        let event = event.by(&self.who.identity()).from(&self.exchange);
        match &self.audit {
            Some(audit) => audit.record(event).await,
            // Without accounts there is no log of security events.
            None => {
                tracing::info!(target: "mainstay::audit", ?event, "security event");
                Ok(())
            }
        }
    }

    /// Which part of the dashboard is looked at, for its navigation.
    fn here(&self) -> &str {
        self.exchange.uri().path().strip_prefix(&*self.base).unwrap_or_default().trim_matches('/')
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let contributions: Inject<Contributions> = parts.extract().await?;
        let clock: Inject<dyn Clock> = parts.extract().await?;
        let exchange: Exchange = parts.extract().await?;
        let who = parts.extensions.get::<Principal>().cloned().unwrap_or_default();
        let path = exchange.uri().path();
        let is_here =
            |at: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let mut dashboards = contributions.of::<JobDashboard>().map(|found| found.value);
        let dashboard = dashboards.find(|dashboard| is_here(&dashboard.path));
        let dashboard = dashboard.ok_or_else(|| Error::internal("a page of the dashboard is elsewhere"))?;
        let session = match Session::of_visitor(parts).await? {
            // Whoever only looks needs none. Without sessions, what was done is done and not told of.
            None if parts.method == Method::POST => Session::of(parts).await.ok(),
            session => session,
        };
        Ok(Self {
            jobs: parts.extract().await?,
            now: clock.now().into(),
            base: dashboard.path.clone(),
            may_act: dashboard.own.is_some() || dashboard.act.lets_in(&who),
            views: parts.extract().await?,
            session,
            audit: parts.extract().await?,
            is_program: !Accepts::of(&parts.headers).prefers_html(),
            is_fragment: parts
                .uri
                .query()
                .is_some_and(|query| query.split('&').any(|pair| pair == "fragment=live")),
            exchange,
            who,
        })
    }
}

/// The address of a list, within the dashboard.
pub(super) fn address_of(filter: &JobFilter, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(state) = filter.state {
        query.append_pair("state", state.name());
    }
    for (name, value) in [("queue", &filter.queue), ("kind", &filter.kind)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    if let Some(batch) = filter.batch {
        query.append_pair("batch", &batch.to_string());
    }
    if let Some(after) = after {
        query.append_pair("after", after);
    }
    format!("/list?{}", query.finish())
}
