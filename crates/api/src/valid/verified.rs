//! `Verified<E>`: an extractor whose value also keeps the rules that have to ask somebody.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::IntoResponse;
use mainstay_core::{Error, Fault, Result, StatusCode};
use mainstay_http::describe::{Describe, ErrorSpec, Operation};
use mainstay_http::{Form, Json};
use serde::de::DeserializeOwned;

use super::{Checkable, names};

/// Rules that have to wait for somebody: that a name is free, that a coupon is good.
///
/// ```
/// use garde::Validate;
/// use mainstay_api::{Verified, Verify};
/// use mainstay_core::{Fault, Inject, Result};
/// use mainstay_db::{Db, model};
/// use mainstay_http::Json;
/// use serde::Deserialize;
///
/// #[model]
/// pub struct Account {
///     pub id: i64,
///     #[field(unique, max_length = 254)]
///     pub email: String,
/// }
///
/// #[derive(Deserialize, Validate)]
/// struct Signup {
///     #[garde(length(min = 3, max = 254))]
///     email: String,
/// }
///
/// impl Verify for Signup {
///     type With = Inject<Db>;
///
///     async fn verify(&self, db: Inject<Db>, faults: &mut Vec<Fault>) -> Result<()> {
///         if Account::filter(|account| account.email.eq(&self.email)).exists(&db).await? {
///             faults.push(Fault::new("/email", "taken", "has an account already"));
///         }
///         Ok(())
///     }
/// }
///
/// async fn sign_up(Verified(Json(signup)): Verified<Json<Signup>>) -> String {
///     signup.email
/// }
/// ```
///
/// Between the question and the write somebody else may be quicker: leave the last word to a unique field, whose violation is a
/// 409 with a fault at the same place.
pub trait Verify: Sync {
    /// What it takes to find out: an extractor, such as `Inject<Db>`, or several in a tuple.
    type With: FromRequestParts<(), Rejection: IntoResponse> + Describe + Send;

    /// Tells what is wrong, each fault at the place of its field in Rust: `/email`.
    ///
    /// # Errors
    ///
    /// When it cannot be found out.
    fn verify(&self, with: Self::With, faults: &mut Vec<Fault>) -> impl Future<Output = Result<()>> + Send;
}

/// An extractor whose value keeps its rules, those of [`Valid`](crate::Valid) and those of [`Verify`]: `Verified<Json<Signup>>`.
///
/// All are looked at, and told at once: 422. Of a field that breaks a rule of its own, the others are not told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verified<E>(pub E);

/// An extractor that holds a value which can be verified.
pub trait Verifiable: Checkable {
    /// The value.
    type Value: Verify + DeserializeOwned;

    /// It.
    fn value(&self) -> &Self::Value;
}

macro_rules! verifiable {
    ($($extractor:ident),*) => {$(
        impl<T: Verify + DeserializeOwned> Verifiable for $extractor<T>
        where
            Self: Checkable,
        {
            type Value = T;

            fn value(&self) -> &T {
                &self.0
            }
        }
    )*};
}

verifiable!(Json, Form);

impl<E> FromRequest<()> for Verified<E>
where
    E: FromRequest<(), Rejection: Into<Error>> + Verifiable + Send + Sync,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let with = <E::Value as Verify>::With::from_request_parts(&mut parts, state).await;
        let with = with.map_err(refused)?;
        let value = E::from_request(Request::from_parts(parts, body), state).await.map_err(Into::into)?;
        let mut faults = value.faults();
        let mut found = Vec::new();
        match value.value().verify(with, &mut found).await {
            // What cannot be found out of a value that is wrong anyway is not the client's question.
            Err(_) if !faults.is_empty() => found.clear(),
            outcome => outcome?,
        }
        for mut fault in found {
            fault.pointer = names::as_read::<E::Value>(&fault.pointer);
            if !faults.iter().any(|known| known.pointer == fault.pointer) {
                faults.push(fault);
            }
        }
        if faults.is_empty() { Ok(Self(value)) } else { Err(Error::invalid(faults)) }
    }
}

/// The error in the response that an extractor refuses with.
fn refused(rejection: impl IntoResponse) -> Error {
    let mut response = rejection.into_response();
    let error =
        response.extensions_mut().remove::<Arc<Error>>().and_then(|error| Arc::try_unwrap(error).ok());
    error.unwrap_or_else(|| Error::new(response.status(), "The request cannot be understood."))
}

impl<E: Describe + Verifiable> Describe for Verified<E> {
    fn describe(operation: &mut Operation) {
        E::describe(operation);
        <E::Value as Verify>::With::describe(operation);
        operation.error(
            ErrorSpec::new(StatusCode::UNPROCESSABLE_ENTITY, "The input breaks a rule.")
                .code("validation_failed"),
        );
    }
}
