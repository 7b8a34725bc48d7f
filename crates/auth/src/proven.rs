//! Proof that whoever sends a request is still who signed in, for what matters: a browser may have been left open, or a cookie stolen.

use std::ops::Deref;
use std::time::{Duration, SystemTime};

use axum::RequestPartsExt;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use mainstay_core::clock::{Clock, unix_seconds};
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Result};
use mainstay_http::describe::{Describe, ErrorSpec, Operation};
use mainstay_http::{Exchange, Session};
use serde_json::Value;

use crate::account::Account;
use crate::by_session::came_by_session;
use crate::pages::visit::{back_to, with_next};
use crate::pages::{CONFIRM, LOGIN};
use crate::passwords::AuthConfig;
use crate::signed_in::SignedIn;

/// Under which name a session knows when its owner has typed the password again, in seconds since 1970.
const NAME: &str = "_proven";

/// An account that has signed in with a browser, or typed its password again, within `auth.proof_lifetime`: an argument of handlers for
/// what matters (sudo mode).
///
/// Others are refused with 403 and the code `proof_required`; a browser that asks for a page is led to `/account/confirm`, and back.
///
/// ```
/// # use mainstay_auth::{Account, PasswordHash};
/// use mainstay_auth::Proven;
/// # use mainstay_db::column::Assignment;
/// # use mainstay_db::model;
/// use mainstay_http::post;
///
/// # #[model]
/// # pub struct User { pub id: i64, #[field(hidden)] pub password: PasswordHash }
/// # impl Account for User {
/// #     fn password(&self) -> Option<&PasswordHash> { Some(&self.password) }
/// #     fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> { user.password.set(hash) }
/// # }
/// /// Deletes one's account.
/// #[post("/account/delete", hidden)]
/// async fn delete(Proven(user): Proven<User>) -> String {
///     format!("{} is gone", user.id)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Proven<A>(pub A);

impl<A> Deref for Proven<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

/// Notes that the owner of a session has just proved who they are. It gets a new cookie: it may do more now.
pub(crate) fn prove(session: &Session, now: SystemTime) -> Result<()> {
    session.rotate();
    session.set(NAME, &unix_seconds(now))
}

/// Whether the owner of a session has signed in, or proved it again, no longer ago than `lifetime`.
pub(crate) fn is_fresh(session: &Session, now: SystemTime, lifetime: Duration) -> Result<bool> {
    let proved = session.get::<u64>(NAME)?.unwrap_or_default();
    let latest = proved.max(session.created_at().map(unix_seconds).unwrap_or_default());
    Ok(is_recent(latest, now, lifetime))
}

/// Whether a proof that was given at this second since 1970 is good still.
pub(crate) fn is_recent(since: u64, now: SystemTime, lifetime: Duration) -> bool {
    unix_seconds(now).saturating_sub(since) < lifetime.as_secs()
}

/// Which claim of a principal says when who has its token signed in, in seconds since 1970. Named as in OpenID Connect.
pub(crate) const SIGNED_IN_AT: &str = "auth_time";

/// Whoever comes with a session has proved who they are lately, whoever comes by a device has signed in there lately. Who comes with a
/// token that does not say when that was is somebody else's affair.
pub(crate) struct NotStale;

impl<S: Send + Sync> FromRequestParts<S> for NotStale {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let clock: Inject<dyn Clock> = parts.extract().await?;
        let config: Inject<AuthConfig> = parts.extract().await?;
        let who = parts.extensions.get::<Principal>().cloned().unwrap_or_default();
        if let Some(signed_in_at) = who.claim(SIGNED_IN_AT).and_then(Value::as_u64) {
            if is_recent(signed_in_at, clock.now(), config.proof_lifetime) {
                return Ok(Self);
            }
            return Err(Error::forbidden("Sign in again first.").code("proof_required"));
        }
        let session = Session::of_visitor(parts).await?;
        let Some(session) = session.filter(|session| session.owner() == Some(who.identity())) else {
            // Where the session was to say it, and has ended meanwhile, nothing is proved.
            return if came_by_session(parts) { Err(required()) } else { Ok(Self) };
        };
        if is_fresh(&session, clock.now(), config.proof_lifetime)? { Ok(Self) } else { Err(required()) }
    }
}

impl Describe for NotStale {
    fn describe(operation: &mut Operation) {
        describe(operation);
    }
}

/// Whoever has not: 403.
pub(crate) fn required() -> Error {
    Error::forbidden("Type your password again first.").code("proof_required")
}

/// What it takes to tell, and what is said otherwise.
pub(crate) fn describe(operation: &mut Operation) {
    Inject::<dyn Clock>::describe(operation);
    Inject::<AuthConfig>::describe(operation);
    let late = ErrorSpec::new(StatusCode::FORBIDDEN, "It is too long ago that the account has signed in.");
    operation.error(late.code("proof_required"));
}

impl<A: Account, S: Send + Sync> FromRequestParts<S> for Proven<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let (account, session, exchange) = at_browser::<A>(parts).await?;
        let clock = Inject::<dyn Clock>::from_request_parts(parts, state).await?;
        let config = Inject::<AuthConfig>::from_request_parts(parts, state).await?;
        if is_fresh(&session, clock.now(), config.proof_lifetime)? {
            return Ok(Self(account));
        }
        Err(lead_to(CONFIRM, &exchange).unwrap_or_else(required))
    }
}

/// The account that is signed in by the session of a request, and both of these. Whoever is not is led to sign in.
pub(crate) async fn at_browser<A: Account>(parts: &mut Parts) -> Result<(A, Session, Exchange)> {
    let session = Session::of(parts).await?;
    let exchange: Exchange = parts.extract().await?;
    match SignedIn::<A>::by_session(&session, parts).await? {
        Some(account) => Ok((account, session, exchange)),
        None => {
            let refused = || Error::unauthorized("Sign in first, with a browser.");
            Err(lead_to(LOGIN, &exchange).unwrap_or_else(refused))
        }
    }
}

/// A browser that asks for a page is led to another, from where it comes back.
pub(crate) fn lead_to(page: &str, exchange: &Exchange) -> Option<Error> {
    let is_page = exchange
        .accept()
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.contains("text/html"));
    let to = HeaderValue::from_str(&with_next(page, back_to(exchange))).ok()?;
    is_page
        .then(|| Error::new(StatusCode::SEE_OTHER, "Prove who you are first.").header(header::LOCATION, to))
}

impl<A: Account> Describe for Proven<A> {
    fn describe(operation: &mut Operation) {
        Session::describe(operation);
        SignedIn::<A>::describe(operation);
        describe(operation);
    }
}
