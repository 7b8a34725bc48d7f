//! A provider as it is reached: its endpoints and keys, discovered and kept for a while, and the words for what goes wrong there.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::Clock;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_outbound::{Answer, Client, Request};
use serde_json::{Map, Value};

use super::discovery::{Metadata, read};
use super::fetched::Fetched;
use super::provider::{Protocol, Provider};
use crate::jwt::KeySet;

/// How long endpoints and keys are kept.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How often keys are fetched at most, when a token names one that is not known.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// The client that calls providers, wherever they are: at public addresses, unless `[outbound.identity_providers]` allows others.
pub(crate) struct IdentityProviders(pub(crate) Client);

/// A provider, and what is known of it.
pub(crate) struct Remote {
    pub(crate) provider: Provider,
    client: Client,
    clock: Arc<dyn Clock>,
    metadata: Fetched<Metadata>,
    keys: Fetched<KeySet>,
}

impl Remote {
    pub(crate) fn new(provider: Provider, client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { provider, client, clock, metadata: Fetched::default(), keys: Fetched::default() }
    }

    /// Its endpoints.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>> {
        let (issuer, rule) = match &self.provider.protocol {
            Protocol::OpenId { issuer, rule } => (issuer, rule),
            Protocol::OAuth { endpoints, .. } => return Ok(Arc::new(Metadata::of_oauth(endpoints))),
        };
        let fetch = async || {
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let answer = self.client.get(url).send().await?;
            read(answer.bytes(), issuer, rule).map_err(|why| self.untrusted(why))
        };
        let fetched = self.metadata.get(self.clock.now(), FRESH, fetch).await;
        fetched.map_err(|error| self.unreachable(error))
    }

    /// Its keys: those that are kept, or no older than `fresh` where that is shorter.
    pub(super) async fn keys(&self, url: &str, fresh: Option<Duration>) -> Result<Arc<KeySet>> {
        let fetch = async || {
            let answer = self.client.get(url).send().await?;
            KeySet::from_jwks(answer.text()?).map_err(|why| self.untrusted(why))
        };
        let fresh = fresh.unwrap_or(FRESH);
        self.keys.get(self.clock.now(), fresh, fetch).await.map_err(|error| self.unreachable(error))
    }

    pub(super) fn get(&self, url: &str) -> Request {
        self.client.get(url)
    }

    pub(super) fn post(&self, url: &str) -> Request {
        self.client.post(url)
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// An answer as a JSON object. What is in it is in no error: it may be secret.
    pub(super) fn object(&self, answer: &Answer) -> Result<Map<String, Value>> {
        serde_json::from_slice(answer.bytes()).map_err(|fault| {
            self.untrusted(format_args!(
                "{} bytes with the status {} that are no JSON object ({:?} at column {})",
                answer.bytes().len(),
                answer.status(),
                fault.classify(),
                fault.column()
            ))
        })
    }

    /// It does not answer, or says no: for the visitor, that is all.
    #[track_caller]
    pub(super) fn unreachable(&self, error: Error) -> Error {
        let label = &self.provider.label;
        let status = match error.status() {
            kept @ (StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) => kept,
            _ => StatusCode::BAD_GATEWAY,
        };
        let message =
            format!("{label} cannot be reached right now. Try again in a while, or sign in in another way.");
        let known = Error::new(status, message).code("provider_unavailable");
        known.context(format!("provider `{}`: {}", self.provider.name, error.report()))
    }

    /// It says what cannot be true.
    #[track_caller]
    pub(super) fn untrusted(&self, why: impl Display) -> Error {
        let message = format!(
            "{} gave an answer that cannot be trusted, so you are not signed in.",
            self.provider.label
        );
        Error::new(StatusCode::BAD_GATEWAY, message)
            .code("provider_untrusted")
            .context(format!("provider `{}`: {why}", self.provider.name))
    }
}
