//! Which program sends a request, and from where.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use http::header;
use http::request::Parts;
use mainstay_http::Exchange;
use mainstay_http::describe::{Describe, Operation};
use schemars::JsonSchema;
use serde::Serialize;

use super::table::StoredSignIn;

/// How much is kept of what a program says that it is, in letters.
const AGENT: usize = 255;

/// The program that sends a request: an argument of handlers that sign somebody in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// What it says that it is.
    pub agent: Option<String>,
    /// From where the request comes.
    pub address: Option<IpAddr>,
}

impl<S: Sync> FromRequestParts<S> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            agent: agent.map(|text| text.chars().take(AGENT).collect()),
            address: parts.extensions.get::<Exchange>().and_then(Exchange::client),
        })
    }
}

impl Describe for Device {
    fn describe(_operation: &mut Operation) {}
}

/// A device that is signed in, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SignIn {
    /// What it is called in addresses.
    pub id: String,
    /// Which program it is, as it says itself.
    pub agent: Option<String>,
    /// From where it last came.
    pub address: Option<String>,
    /// What its tokens are good for.
    pub scopes: Vec<String>,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it last got new tokens.
    pub used_at: DateTime<Utc>,
    /// When it has to sign in again at the latest.
    pub expires_at: DateTime<Utc>,
}

impl From<StoredSignIn> for SignIn {
    fn from(stored: StoredSignIn) -> Self {
        Self {
            id: stored.id,
            agent: stored.agent,
            address: stored.address,
            scopes: stored.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            created_at: stored.created_at,
            used_at: stored.used_at,
            expires_at: stored.expires_at,
        }
    }
}
