//! What only this crate may write, since trait and type are foreign to everybody else: how an [`Error`] leaves an axum
//! handler, and how an [`Inject`](struct@crate::Inject) and a [`Principal`] enter one. Nothing here renders; `mainstay-http` does.

use std::convert::Infallible;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::principal::Principal;
use crate::{Error, Inject, Resolver, Result};

impl IntoResponse for Error {
    /// An empty response with status and headers; the error itself rides in the extensions, as an `Arc<Error>`, to
    /// whoever knows what the client accepts.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.status();
        response.headers_mut().extend(self.headers().clone());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl<S: Sync, T: ?Sized + Send + Sync + 'static> FromRequestParts<S> for Inject<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let resolver = resolver(parts)?;
        match resolver.ready() {
            Some(ready) => Ok(ready),
            None => resolver.get().await,
        }
    }
}

impl<S: Sync, T: ?Sized + Send + Sync + 'static> OptionalFromRequestParts<S> for Inject<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        let resolver = resolver(parts)?;
        if resolver.knows::<T>() { resolver.get().await.map(Some) } else { Ok(None) }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    /// Who sends the request; anonymous when nobody knows.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

fn resolver(parts: &Parts) -> Result<&Resolver> {
    parts.extensions.get().ok_or_else(|| {
        Error::internal("this handler takes from the container, but was not called by a Mainstay application")
    })
}
