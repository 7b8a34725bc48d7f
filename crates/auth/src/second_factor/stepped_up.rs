//! Accounts that have just given their second factor.

use std::ops::Deref;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use mainstay_core::clock::{Clock, unix_seconds};
use mainstay_core::{Error, Inject, Result};
use mainstay_http::Session;
use mainstay_http::describe::{Describe, ErrorSpec, Operation};

use super::{CHECK, PAGE, SecondFactors};
use crate::account::Account;
use crate::passwords::AuthConfig;
use crate::proven::{at_browser, is_recent, lead_to};
use crate::signed_in::SignedIn;

/// Under which name a session knows when its owner has given a second factor, in seconds since 1970.
const NAME: &str = "_second_factor_at";

/// An account that has given a second factor in this browser within `auth.proof_lifetime`: an argument of handlers for what matters most
/// (step-up).
///
/// Others are refused with 403 and the code `second_factor_required`; a browser that asks for a page is led to where it can give a code,
/// or turn the second factor on, and back.
#[derive(Clone, Debug)]
pub struct SteppedUp<A>(pub A);

impl<A> Deref for SteppedUp<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

/// Notes that the owner of a session has just given a second factor. It gets a new cookie: it may do more now.
pub(super) fn note(session: &Session, now: SystemTime) -> Result<()> {
    session.rotate();
    session.set(NAME, &unix_seconds(now))
}

/// Forgets that: the second factor was turned off.
pub(super) fn forget(session: &Session) {
    session.remove(NAME);
}

impl<A: Account, S: Send + Sync> FromRequestParts<S> for SteppedUp<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let (account, session, exchange) = at_browser::<A>(parts).await?;
        let clock = Inject::<dyn Clock>::from_request_parts(parts, state).await?;
        let config = Inject::<AuthConfig>::from_request_parts(parts, state).await?;
        let since = session.get::<u64>(NAME)?.unwrap_or_default();
        if is_recent(since, clock.now(), config.proof_lifetime) {
            return Ok(Self(account));
        }
        let factors = Inject::<SecondFactors>::from_request_parts(parts, state).await?;
        let is_on = factors.is_on(&account.principal().identity()).await?;
        let refused = || Error::forbidden("Give your second factor first.").code("second_factor_required");
        Err(lead_to(if is_on { CHECK } else { PAGE }, &exchange).unwrap_or_else(refused))
    }
}

impl<A: Account> Describe for SteppedUp<A> {
    fn describe(operation: &mut Operation) {
        Session::describe(operation);
        SignedIn::<A>::describe(operation);
        Inject::<dyn Clock>::describe(operation);
        Inject::<AuthConfig>::describe(operation);
        Inject::<SecondFactors>::describe(operation);
        operation.error(ErrorSpec::new(
            StatusCode::FORBIDDEN,
            "The account has not given its second factor lately.",
        ));
    }
}
