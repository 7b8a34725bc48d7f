//! What every page of this crate needs, and how it answers whoever asks: a browser by pages and redirects, a program by JSON.

use std::time::SystemTime;

use axum::RequestPartsExt;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode, header};
use mainstay_core::clock::Clock;
use mainstay_core::principal::Principal;
use mainstay_core::{Contributions, Error, Inject, Result};
use mainstay_http::{Exchange, Form, Json, Redirect, Session};
#[cfg(feature = "mail")]
use mainstay_view::context;
use mainstay_view::{Context, FormState, Submitted, Views};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{LOGIN, Offer, Place};
use crate::account::Account;
use crate::audit::{Audit, SecurityEvent};
use crate::buttons::SignInButtons;
use crate::by_session::{Note, SignInExt, came_by_session};
use crate::passwords::AuthConfig;
use crate::proven;
use crate::roles::Roles;
use crate::scopes::InPerson;
use crate::second_factor::{CHECK, Pending, SecondFactors, outstanding};

/// What is said when a mail was sent, whoever gets it.
#[cfg(feature = "mail")]
const MAILBOX: &str = "We have sent a mail to this address. It says how to go on.";

/// What a link that is over is answered with.
#[cfg(feature = "mail")]
pub(crate) const INVALID_LINK: &str = "invalid_link";

/// A request for one of these pages.
pub(crate) struct Visit {
    pub(crate) views: Views,
    pub(crate) session: Session,
    pub(crate) exchange: Exchange,
    audit: Inject<Audit>,
    contributions: Inject<Contributions>,
    clock: Inject<dyn Clock>,
    config: Inject<AuthConfig>,
    factors: Option<Inject<SecondFactors>>,
    buttons: Option<Inject<SignInButtons>>,
    roles: Option<Inject<Roles>>,
    is_program: bool,
}

/// Somebody who has proved who they are.
pub(crate) struct Entry<'a> {
    /// How.
    pub(crate) way: &'a str,
    /// Whether the session is to outlive the browser.
    pub(crate) is_remembered: bool,
    /// Where to go then.
    pub(crate) next: &'a str,
}

impl Visit {
    /// A page.
    pub(crate) fn page(&self, view: &str, context: Context) -> Result<Response> {
        Ok(self.views.render(view, context)?.into_response())
    }

    /// A form again, with what is wrong.
    pub(crate) fn again(&self, view: &str, form: FormState, context: Context) -> Result<Response> {
        // A page is no place for 401, which asks a program for a token.
        let status = match form.status() {
            StatusCode::UNAUTHORIZED => StatusCode::UNPROCESSABLE_ENTITY,
            status => status,
        };
        Ok((status, self.views.render(view, context.with("form", form))?).into_response())
    }

    /// It is done: the browser goes on to `next`, which is a page of this site, and is told so there.
    pub(crate) fn done(&self, next: &str, told: impl Into<Option<&'static str>>) -> Response {
        let (told, redirect) = (told.into(), Redirect::local(next).into_response());
        if self.is_program {
            let next = redirect.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            return Json(json!({ "next": next, "message": told })).into_response();
        }
        if let Some(told) = told {
            self.session.flash("success", told);
        }
        redirect
    }

    /// A mail is on its way, whatever it says.
    #[cfg(feature = "mail")]
    pub(crate) fn look_into_your_mailbox(&self) -> Result<Response> {
        if self.is_program {
            return Ok((StatusCode::ACCEPTED, Json(json!({ "message": MAILBOX }))).into_response());
        }
        self.page("auth/sent.html", context! { message => MAILBOX })
    }

    /// What somebody is answered who follows a link that came by mail. One that is over leads to where another one is to be had.
    #[cfg(feature = "mail")]
    pub(crate) fn or_ask_again(&self, answered: Result<Response>, again: &'static str) -> Result<Response> {
        match answered {
            Err(error) if error.machine_code() == INVALID_LINK && !self.is_program => {
                tracing::info!(error = %error.report(), "somebody has followed a link that is not good any more");
                Ok((error.status(), self.page("auth/link_over.html", context! { again })?).into_response())
            }
            answered => answered,
        }
    }

    /// Whoever is not signed in goes to the form, and comes back here.
    pub(crate) fn sign_in_first(&self) -> Result<Response> {
        if self.is_program {
            return Err(Error::unauthorized("Sign in first."));
        }
        self.lead_to(LOGIN)
    }

    /// A browser goes to another page, and comes back here; a program is refused.
    pub(crate) fn lead_to(&self, page: &str) -> Result<Response> {
        if self.is_program {
            return Err(proven::required());
        }
        Ok(Redirect::local(&with_next(page, back_to(&self.exchange))).into_response())
    }

    /// The last step but one of every way to sign in. Where the account has a second factor, or its role has to have one, nobody is signed
    /// in yet. Returns where to go on.
    pub(crate) async fn enter<A: Account>(&self, account: &A, entry: Entry<'_>) -> Result<String> {
        let (factors, roles) = (self.factors.as_deref(), self.roles.as_deref());
        let Some(waits) = outstanding(account.principal(), factors, roles, &self.config).await? else {
            self.finish(account, entry.way, entry.is_remembered).await?;
            return Ok(entry.next.to_owned());
        };
        self.session.rotate();
        Pending::new(Note::of(account)?, &entry, waits, self.now()).keep(&self.session)?;
        Ok(with_next(CHECK, entry.next))
    }

    /// The last step: it is the session of this account from now on.
    pub(crate) async fn finish<A: Account>(&self, account: &A, way: &str, is_remembered: bool) -> Result<()> {
        // Nobody is signed in without a record of it.
        let event = SecurityEvent::new("login").of(&account.principal().identity());
        self.record(event.with("way", way)).await?;
        self.session.sign_in_as(account)?;
        if is_remembered {
            self.session.remember();
        }
        Ok(())
    }

    /// Ends the session. `false`: there is none, and none is made for that.
    pub(crate) async fn sign_out(&self) -> Result<bool> {
        if self.session.key().is_none() {
            return Ok(false);
        }
        if let Some(owner) = self.session.owner() {
            self.record(SecurityEvent::new("logout").of(&owner)).await?;
        }
        self.session.end();
        Ok(true)
    }

    /// The links of a page.
    pub(super) fn offers(&self, place: Place) -> Vec<Offer> {
        let has_buttons = self.buttons().is_some_and(|buttons| !buttons.0.is_empty());
        Offer::at(&self.contributions, place, has_buttons)
    }

    /// What there is to sign in by beside a password.
    pub(super) fn buttons(&self) -> Option<&SignInButtons> {
        self.buttons.as_deref()
    }

    /// Whether it is a program that asks.
    pub(crate) fn is_program(&self) -> bool {
        self.is_program
    }

    /// When it is.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The section `auth`.
    pub(crate) fn config(&self) -> &AuthConfig {
        &self.config
    }

    /// The log of security events.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Records that it happened in this request.
    pub(crate) async fn record(&self, event: SecurityEvent) -> Result<()> {
        self.audit.record(event.from(&self.exchange)).await
    }
}

/// Where somebody comes back to: to the page that they have asked for, or to that of the form that they have sent.
pub(crate) fn back_to(exchange: &Exchange) -> &str {
    let uri = exchange.uri();
    match uri.path_and_query() {
        Some(all) if *exchange.method() == Method::GET => all.as_str(),
        _ => uri.path(),
    }
}

/// The address of a page that leads on to another.
pub(crate) fn with_next(page: &str, next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("{page}?next={next}")
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        // These pages are for people.
        InPerson::refuse_access_tokens(parts)?;
        let session = Session::of(parts).await?;
        refuse_whose_token_it_is(parts, &session)?;
        Ok(Self {
            views: parts.extract().await?,
            session,
            exchange: parts.extract().await?,
            audit: parts.extract().await?,
            contributions: parts.extract().await?,
            clock: parts.extract().await?,
            config: parts.extract().await?,
            factors: parts.extract().await?,
            buttons: parts.extract().await?,
            roles: parts.extract().await?,
            is_program: is_program(parts),
        })
    }
}

/// These pages change the session that came with the cookie, for the account that is signed in by it. Who comes with a token as well is
/// somebody else to the handler than to the session.
fn refuse_whose_token_it_is(parts: &Parts, session: &Session) -> Result<()> {
    let who = parts.extensions.get::<Principal>().filter(|who| who.is_authenticated());
    match who {
        // A session that another process has ended is that of nobody.
        Some(_) if came_by_session(parts) && session.owner().is_none() => Ok(()),
        Some(who) if session.owner() != Some(who.identity()) => {
            Err(Error::forbidden("Sign in with a browser: these pages take no token.")
                .code("sign_in_required"))
        }
        _ => Ok(()),
    }
}

/// A browser sends forms and asks for pages.
fn is_program(parts: &Parts) -> bool {
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    is_json(parts)
        || (text(header::ACCEPT).contains("application/json") && !text(header::ACCEPT).contains("text/html"))
}

fn is_json(parts: &Parts) -> bool {
    let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|text| text.to_ascii_lowercase().starts_with("application/json"))
}

/// What a form, or a program by JSON, has sent.
pub(crate) struct Sent<T>(Body<T>);

enum Body<T> {
    Form(Submitted<Form<T>>),
    Json(T),
}

impl<T> Sent<T> {
    /// Does what it is for. A form that is not accepted comes back; a program is told by an error.
    pub(crate) async fn accept<R>(
        self,
        act: impl AsyncFnOnce(T) -> Result<R>,
    ) -> Result<Result<R, FormState>> {
        match self.0 {
            Body::Form(submitted) => submitted.accept(async |Form(it)| act(it).await).await,
            Body::Json(it) => act(it).await.map(Ok),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let is_json = is_json(&parts);
        let request = Request::from_parts(parts, body);
        if is_json {
            let Json(it) = Json::from_request(request, state).await?;
            return Ok(Self(Body::Json(it)));
        }
        Ok(Self(Body::Form(Submitted::from_request(request, state).await?)))
    }
}
