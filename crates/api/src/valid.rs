//! `Valid<E>`: an extractor whose value keeps its rules. In `verified`: one whose rules have to ask somebody; in `names`: the
//! names of fields that a client knows.

mod names;
mod verified;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use mainstay_core::{Error, Fault, Result, StatusCode};
use mainstay_http::describe::{Describe, ErrorSpec, Operation};
use mainstay_http::{Form, Json, MultipartForm, Path, Query};
use mainstay_resource::Validated;
use serde::de::DeserializeOwned;

pub use verified::{Verifiable, Verified, Verify};

/// An extractor whose value has been validated: `Valid<Json<NewArticle>>`, `Valid<Query<Filter>>`.
///
/// The handler is not called unless every rule of the type holds; the client gets 422 with every fault at once, each
/// under the name that it sent.
///
/// ```
/// use garde::Validate;
/// use mainstay_api::Valid;
/// use mainstay_http::Json;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, Validate)]
/// struct NewArticle {
///     #[garde(length(min = 1, max = 200))]
///     title: String,
/// }
///
/// async fn create(Valid(Json(article)): Valid<Json<NewArticle>>) -> String {
///     article.title
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Valid<E>(pub E);

/// An extractor that holds a value which can be validated.
pub trait Checkable {
    /// What is wrong with it, as the client knows it.
    fn faults(&self) -> Vec<Fault>;
}

fn faults_of<T: Validated + DeserializeOwned>(value: &T, place: &str) -> Vec<Fault> {
    let mut faults = value.faults();
    for fault in &mut faults {
        fault.pointer = names::as_read::<T>(&fault.pointer);
        if !place.is_empty() {
            fault.pointer = format!("{place}:{}", fault.pointer.trim_start_matches('/'));
        }
    }
    faults
}

macro_rules! checkable {
    ($($extractor:ident in $place:literal),*) => {$(
        impl<T: Validated + DeserializeOwned> Checkable for $extractor<T> {
            fn faults(&self) -> Vec<Fault> {
                faults_of(&self.0, $place)
            }
        }
    )*};
}

checkable!(Json in "", Form in "", MultipartForm in "", Query in "query", Path in "path");

impl<E: Checkable> Valid<E> {
    fn checked(value: E) -> Result<Self> {
        let faults = value.faults();
        if faults.is_empty() { Ok(Self(value)) } else { Err(Error::invalid(faults)) }
    }
}

impl<S, E> FromRequest<S> for Valid<E>
where
    S: Send + Sync,
    E: FromRequest<S> + Checkable,
    E::Rejection: Into<Error>,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        Self::checked(E::from_request(request, state).await.map_err(Into::into)?)
    }
}

impl<S, E> FromRequestParts<S> for Valid<E>
where
    S: Send + Sync,
    E: FromRequestParts<S> + Checkable,
    E::Rejection: Into<Error>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Self::checked(E::from_request_parts(parts, state).await.map_err(Into::into)?)
    }
}

impl<E: Describe> Describe for Valid<E> {
    fn describe(operation: &mut Operation) {
        E::describe(operation);
        operation.error(
            ErrorSpec::new(StatusCode::UNPROCESSABLE_ENTITY, "The input breaks a rule.")
                .code("validation_failed"),
        );
    }
}
