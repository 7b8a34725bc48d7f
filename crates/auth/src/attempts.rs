//! How often somebody may try to prove who they are.

use std::time::Duration;

use mainstay_core::{Error, Inject, Result, StatusCode};
use mainstay_http::Exchange;
use mainstay_store::{Quota, Store};

use crate::passwords::AuthConfig;

/// Counts attempts: by the name that is tried, whether there is such an account or not, and by where they come from. Injectable.
#[derive(Debug)]
pub struct Attempts {
    store: Inject<Store>,
    config: Inject<AuthConfig>,
}

impl Attempts {
    pub(crate) fn new(store: Inject<Store>, config: Inject<AuthConfig>) -> Self {
        Self { store, config }
    }

    /// Counts one attempt. `what` is what is tried (`login`), so that others are counted apart.
    ///
    /// # Errors
    ///
    /// 429 when there were too many of late; 503 when they cannot be counted.
    pub async fn count(&self, what: &str, name: &str, exchange: &Exchange) -> Result<()> {
        let (name, address) = (Store::digest(&name.trim().to_lowercase()), exchange.client_key());
        // The strict one first, and by both: somebody else's attempts do not lock an owner out.
        let here = (format!("{what}:{name}:{address}"), self.config.attempts);
        let by_name = (format!("{what}:{name}"), self.config.attempts_by_account);
        let by_address = (format!("{what}:{address}"), self.config.attempts_by_address);
        for (key, quota) in [here, by_name, by_address] {
            self.count_one(&key, quota).await?;
        }
        Ok(())
    }

    /// Counts a code that the owner of this identity gives as their second factor, wherever it comes from: who gets that far knows the
    /// password.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn count_codes(&self, identity: &str) -> Result<()> {
        let key = format!("second factor:{}", Store::digest(identity));
        self.count_one(&key, self.config.second_factor_attempts).await
    }

    /// Whether a refusal is worth an entry in the audit log: one a minute for each caller, since nobody has to prove anything to be refused.
    pub(crate) async fn is_news(&self, exchange: &Exchange) -> bool {
        let key = format!("refusal recorded:{}", exchange.client_key());
        self.is_within(&key, Quota::new(1, Duration::from_secs(60))).await.unwrap_or(false)
    }

    /// Counts one attempt by where it comes from alone: nobody has said a name.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    #[cfg(feature = "social-login")]
    pub(crate) async fn count_from(&self, what: &str, exchange: &Exchange) -> Result<()> {
        let key = format!("{what}:{}", exchange.client_key());
        self.count_one(&key, self.config.attempts_by_address).await
    }

    /// Counts one more under this key, and says whether that is within the quota.
    ///
    /// # Errors
    ///
    /// 503 when it cannot be counted.
    pub(crate) async fn is_within(&self, key: &str, quota: Quota) -> Result<bool> {
        self.wait(key, quota).await.map(|wait| wait.is_none())
    }

    async fn count_one(&self, key: &str, quota: Quota) -> Result<()> {
        match self.wait(key, quota).await? {
            Some(wait) => Err(too_many(wait.as_secs() + 1)),
            None => Ok(()),
        }
    }

    /// Counts one more under a key. How long to wait, if it is one too many.
    async fn wait(&self, key: &str, quota: Quota) -> Result<Option<Duration>> {
        let uncounted = |fault| Error::unavailable("This cannot be done right now.").caused_by(fault);
        let decisions = self.store.limit(key, &[quota], 1).await.map_err(uncounted)?;
        Ok(decisions.iter().find(|decision| !decision.allowed).map(|refused| refused.retry_after))
    }
}

fn too_many(seconds: u64) -> Error {
    let error = Error::new(StatusCode::TOO_MANY_REQUESTS, "There were too many attempts. Try again later.");
    error.code("too_many_attempts").header(http::header::RETRY_AFTER, seconds.into())
}
