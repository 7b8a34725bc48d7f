//! The account that sends a request.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::StatusCode;
use http::request::Parts;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result};
use mainstay_http::describe::{Describe, ErrorSpec, Operation, Place, SecurityScheme, SecuritySpec};

use crate::account::Account;
use crate::authenticate::unauthorized;

/// The account that sends the request: `SignedIn(user): SignedIn<User>`. Whoever is not signed in is answered with 401;
/// `Option<SignedIn<User>>` serves everybody.
///
/// The account is loaded once for a request, whoever takes it.
#[derive(Clone, Debug)]
pub struct SignedIn<A>(pub A);

impl<A: Account> SignedIn<A> {
    /// Leaves the account for the handlers of a request, and says what policies and logs know of it.
    pub(crate) fn enter(account: A, request: &mut Parts) -> Principal {
        let principal = account.principal();
        request.extensions.insert(Self(account));
        principal
    }
}

impl<A> Deref for SignedIn<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: Account, S: Sync> FromRequestParts<S> for SignedIn<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let signed_in = parts.extensions.get::<Self>().cloned();
        signed_in
            .ok_or_else(|| unauthorized::<A>(format!("Sign in, and send `Authorization: {} …`.", A::SCHEME)))
    }
}

impl<A: Account, S: Sync> OptionalFromRequestParts<S> for SignedIn<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

impl<A: Account> Describe for SignedIn<A> {
    fn describe(operation: &mut Operation) {
        operation.security.push(SecuritySpec::new(A::SCHEME, scheme::<A>()));
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "The token is missing or not valid."));
    }
}

/// OpenAPI knows the scheme `Bearer`; another is a header like any other.
pub(crate) fn scheme<A: Account>() -> SecurityScheme {
    if A::SCHEME.eq_ignore_ascii_case("bearer") {
        SecurityScheme::Bearer { format: None }
    } else {
        SecurityScheme::Key { place: Place::Header, name: "Authorization".into() }
    }
}
