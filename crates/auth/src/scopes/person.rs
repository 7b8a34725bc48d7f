//! What no token may do that a person has made for a program.

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result};
use mainstay_http::describe::{Describe, ErrorSpec, Operation};

use super::guard::is_limited;

/// An argument of handlers that a personal access token does not open, whatever its scopes: to make more tokens, to change the password.
/// Its owner has to be there, by a session or a token that they got by signing in. Whoever is not signed in at all is answered with 401.
#[derive(Clone, Copy, Debug)]
pub struct InPerson;

/// Which claim of a principal says that it came by a personal access token: the id of that.
pub(crate) const ACCESS_TOKEN: &str = "access_token";

impl<S: Sync> FromRequestParts<S> for InPerson {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        if !parts.extensions.get::<Principal>().is_some_and(Principal::is_authenticated) {
            return Err(Error::unauthorized("Sign in."));
        }
        Self::refuse_access_tokens(parts).map(|()| Self)
    }
}

impl InPerson {
    /// Refuses whoever comes with a token that was made for a program. Nobody at all is let in.
    pub(crate) fn refuse_access_tokens(parts: &Parts) -> Result<()> {
        let came_by_token = |who: &Principal| is_limited(who) || who.claim(ACCESS_TOKEN).is_some();
        if parts.extensions.get::<Principal>().is_some_and(came_by_token) {
            let message = "This is not open to access tokens: sign in.";
            return Err(Error::forbidden(message).code("sign_in_required"));
        }
        Ok(())
    }
}

impl Describe for InPerson {
    fn describe(operation: &mut Operation) {
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "Nobody is signed in."));
        let refused = ErrorSpec::new(StatusCode::FORBIDDEN, "An access token does not open this.");
        operation.error(refused.code("sign_in_required"));
    }
}
