//! Who asks, and how: single facts of the [`Exchange`], for handlers that want no more.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use mainstay_core::{Error, Result};

use crate::describe::{Describe, Operation};
use crate::exchange::{Exchange, RequestId, Scheme};

/// The address of the client; behind trusted proxies, what they say it is.
///
/// A request over a Unix socket, or in the same process, has none: `Option<ClientIp>` where that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientIp(pub IpAddr);

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The host that the client asked for, with the port if it wrote one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(pub String);

fn exchange(parts: &Parts) -> Result<&Exchange> {
    parts.extensions.get().ok_or_else(|| {
        Error::internal("this handler asks who calls, but was not called by a Mainstay application")
    })
}

impl<S: Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        exchange(parts)?.client().map(Self).ok_or_else(|| {
            Error::internal("the client has no address; take `Option<ClientIp>` where that may happen")
        })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Exchange>().and_then(Exchange::client).map(Self))
    }
}

impl<S: Sync> FromRequestParts<S> for Host {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match exchange(parts)?.host() {
            Some(host) => Ok(Self(host.to_owned())),
            None => {
                Err(Error::bad_request("The request does not say which host it is for.").code("host_missing"))
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Scheme {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(exchange(parts)?.scheme())
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(exchange(parts)?.id().clone())
    }
}

/// None of them is anything that a client has to know of.
macro_rules! nothing_to_say {
    ($($type:ty),*) => {$(
        impl Describe for $type {
            fn describe(_operation: &mut Operation) {}
        }
    )*};
}

nothing_to_say!(ClientIp, Host, Scheme, RequestId);
