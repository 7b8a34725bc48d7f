//! Every way to prove who is calling. Each operation answers with what has arrived.

use mainstay::axum::extract::FromRequestParts;
use mainstay::axum::http::request::Parts;
use mainstay::http::describe::{Describe, ErrorSpec, Operation, Place, SecurityScheme, SecuritySpec};
use mainstay::prelude::*;

/// Implements a guard that asks for a header, and says as which scheme.
macro_rules! guard {
    ($($guard:ident, $header:literal, $name:literal, $scheme:expr, $scope:expr;)*) => {$(
        pub(crate) struct $guard(String);

        impl<S: Sync> FromRequestParts<S> for $guard {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
                let header = parts.headers.get($header).and_then(|value| value.to_str().ok());
                header.map(|value| Self(value.to_owned())).ok_or_else(|| Error::unauthorized("Say who you are."))
            }
        }

        impl Describe for $guard {
            fn describe(operation: &mut Operation) {
                let mut spec = SecuritySpec::new($name, $scheme);
                spec.scopes = $scope;
                operation.security.push(spec);
                operation.error(ErrorSpec::from(StatusCode::UNAUTHORIZED));
            }
        }
    )*};
}

guard! {
    Token, "authorization", "token", SecurityScheme::Bearer { format: Some("JWT".into()) }, vec!["read".to_owned()];
    Password, "authorization", "password", SecurityScheme::Basic, Vec::new();
    ApiKey, "x-api-key", "api-key", SecurityScheme::Key { place: Place::Header, name: "X-Api-Key".into() }, Vec::new();
    SessionCookie, "cookie", "session", SecurityScheme::Key { place: Place::Cookie, name: "session".into() }, Vec::new();
}

/// Asks for a token.
#[get("/guards/token", tag = "Guards")]
pub(crate) async fn by_token(Token(seen): Token) -> String {
    seen
}

/// Asks for a name and a password.
#[get("/guards/password", tag = "Guards")]
pub(crate) async fn by_password(Password(seen): Password) -> String {
    seen
}

/// Asks for a key and a token.
#[get("/guards/key", tag = "Guards")]
pub(crate) async fn by_key(ApiKey(key): ApiKey, Token(token): Token) -> String {
    format!("{key}, {token}")
}

/// Asks for a cookie.
#[get("/guards/cookie", tag = "Guards")]
pub(crate) async fn by_cookie(SessionCookie(seen): SessionCookie) -> String {
    seen
}

/// Asks for a key, and takes a token.
#[get("/guards/both", tag = "Guards")]
pub(crate) async fn both(ApiKey(key): ApiKey, token: Option<Header<Bearer>>) -> String {
    format!("{key}, {}", token.map_or("nobody", |_| "somebody"))
}

/// Asks for nothing, and takes what there is.
#[get("/guards/either", tag = "Guards")]
pub(crate) async fn either(token: Option<Header<Bearer>>, key: Option<OptionalKey>) -> String {
    format!("{}, {}", token.map_or("nobody", |_| "somebody"), key.map_or("no key", |_| "a key"))
}

/// A key that may be missing.
pub(crate) struct OptionalKey;

impl<S: Sync> mainstay::axum::extract::OptionalFromRequestParts<S> for OptionalKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Ok(parts.headers.contains_key("x-api-key").then_some(Self))
    }
}

impl Describe for OptionalKey {
    fn describe(operation: &mut Operation) {
        ApiKey::describe(operation);
        operation.errors.clear();
    }
}
