//! Calling a provider for people later: the tokens that are kept, and new ones in their place.
//!
//! Many providers give a new refresh token with each use of the old one, and void all of them when an old one comes again. So only one
//! process fetches at a time: whoever sets `refreshing_until` of the row. Others wait for what it brings.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use mainstay_core::clock::{Clock, unix_seconds};
use mainstay_core::config::Secret;
use mainstay_core::error::Context as _;
use mainstay_core::keys::Purpose;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::Db;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::exchange::{Granted, Ungranted};
use super::identities::LinkedIdentity;
use super::login::SocialLogin;
use super::remote::Remote;

/// A token that is good for no longer than this is renewed.
const MARGIN: Duration = Duration::from_secs(60);
/// How long one process may take to fetch new ones.
const LEASE: Duration = Duration::from_secs(30);
/// How long the others wait for it, and how often they look.
const WAIT: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);

/// A token to call a provider with, for somebody.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// What follows `Bearer`.
    pub token: Secret<String>,
    /// When it ends, if the provider has said so.
    pub expires_at: Option<SystemTime>,
}

/// Tokens, as they are sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of which identity they are: a row is no good in the place of another.
    identity: i64,
    access_token: String,
    /// In seconds since 1970.
    expires_at: Option<u64>,
    refresh_token: Option<String>,
}

impl Kept {
    fn of(identity: i64, granted: &Granted, before: Option<String>) -> Self {
        Self {
            identity,
            access_token: granted.access_token.clone(),
            expires_at: granted.expires_at.map(unix_seconds),
            refresh_token: granted.refresh_token.clone().or(before),
        }
    }

    fn is_good(&self, now: SystemTime) -> bool {
        self.expires_at.is_none_or(|end| unix_seconds(now) + MARGIN.as_secs() < end)
    }
}

/// The tokens in the table: sealed, opened, renewed.
#[derive(Clone)]
pub(super) struct KeptTokens {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) purpose: Purpose,
}

impl KeptTokens {
    /// Keeps what was granted when somebody signed in.
    pub(super) async fn keep(&self, identity: &LinkedIdentity, granted: &Granted) -> Result<()> {
        // A provider need not give a refresh token every time.
        let before = self.opened(identity).and_then(|kept| kept.refresh_token);
        let sealed = self.sealed(&Kept::of(identity.id, granted, before))?;
        let id = identity.id;
        LinkedIdentity::filter(|it| it.id.eq(id)).update(|it| it.tokens(sealed), &self.db).await?;
        Ok(())
    }

    /// Those of an account at a provider, and of which identity they are.
    async fn of(&self, owner: &str, remote: &Remote) -> Result<(i64, Kept)> {
        let name = &*remote.provider.name;
        let all = LinkedIdentity::filter(|it| it.owner.eq(owner) & it.provider.eq(name))
            .order_by(|it| it.last_used_at.desc())
            .all(&self.db.primary())
            .await?;
        let found = all.iter().find_map(|identity| Some((identity.id, self.opened(identity)?)));
        found.ok_or_else(|| not_connected(remote))
    }

    fn opened(&self, identity: &LinkedIdentity) -> Option<Kept> {
        let opened = self.purpose.open(identity.tokens.as_deref()?).ok()?;
        serde_json::from_slice(&opened).ok().filter(|kept: &Kept| kept.identity == identity.id)
    }

    fn sealed(&self, kept: &Kept) -> Result<Option<String>> {
        Ok(Some(self.purpose.seal(&serde_json::to_vec(kept)?, None)))
    }

    /// Whether it is this call that has to fetch.
    async fn claim(&self, identity: i64) -> Result<bool> {
        let now: DateTime<Utc> = self.clock.now().into();
        let until = now + LEASE;
        let free = LinkedIdentity::filter(|it| {
            it.id.eq(identity) & (it.refreshing_until.is_null() | it.refreshing_until.lt(now))
        });
        Ok(free.update(|it| it.refreshing_until(until), &self.db).await? == 1)
    }

    /// New tokens, unless somebody else has just fetched some: then those.
    async fn renew(self, identity: i64, remote: Arc<Remote>) -> Result<Kept> {
        let row = LinkedIdentity::filter(|it| it.id.eq(identity)).first(&self.db.primary()).await?;
        let before = row.and_then(|row| self.opened(&row));
        let (tokens, outcome) = match before {
            Some(kept) if kept.is_good(self.clock.now()) => (None, Ok(kept)),
            Some(Kept { refresh_token: Some(refresh_token), .. }) => {
                match refreshed(&refresh_token, &remote).await {
                    Ok(granted) => {
                        let kept = Kept::of(identity, &granted, Some(refresh_token));
                        (Some(self.sealed(&kept)?), Ok(kept))
                    }
                    Err(Ungranted::Refused(said)) => (Some(None), Err(not_connected(&remote).context(said))),
                    Err(Ungranted::Failed(error)) => (None, Err(error)),
                }
            }
            _ => (None, Err(not_connected(&remote))),
        };
        let row = LinkedIdentity::filter(|it| it.id.eq(identity));
        match tokens {
            Some(tokens) => row.update(|it| it.tokens(tokens).refreshing_until(None), &self.db).await?,
            None => row.update(|it| it.refreshing_until(None), &self.db).await?,
        };
        outcome
    }
}

async fn refreshed(refresh_token: &str, remote: &Remote) -> Result<Granted, Ungranted> {
    let metadata = remote.metadata().await?;
    remote.refresh(&metadata, refresh_token).await
}

impl SocialLogin {
    /// A token to call a provider with for an account, which `keep_tokens` has to have been set for when it was connected. One that is
    /// not good for another minute is renewed.
    ///
    /// `owner` is the account as its principal names it: `account.principal().identity()`.
    ///
    /// # Errors
    ///
    /// 409 `not_connected` when there is nothing to call the provider with, or the provider has taken it back: the person has to connect it
    /// again. 502, 503 or 504 when the provider cannot be reached.
    pub async fn access_token(&self, owner: &str, provider: &str) -> Result<AccessToken> {
        let remote = self.remote(provider)?;
        let deadline = Instant::now() + WAIT;
        loop {
            let (identity, kept) = self.kept.of(owner, remote).await?;
            if kept.is_good(self.clock.now()) {
                return Ok(kept.into());
            }
            if kept.refresh_token.is_none() {
                return Err(not_connected(remote));
            }
            if self.kept.claim(identity).await? {
                // To its end, also when whoever waits for it hangs up: the old refresh token is worth nothing when the new one is
                // not kept. The deadline of the call bounds it.
                let renewing = tokio::spawn(self.kept.clone().renew(identity, Arc::clone(remote)));
                return renewing.await.context("fetching new tokens")?.map(AccessToken::from);
            }
            if Instant::now() > deadline {
                return Err(Error::unavailable("This cannot be done right now.").context(format!(
                    "another process still fetches tokens of the linked identity {identity}"
                )));
            }
            sleep(LOOK).await;
        }
    }

    /// Forgets every provider of an account: when it is deleted.
    ///
    /// # Errors
    ///
    /// When the database cannot be had.
    pub async fn forget(&self, owner: &str) -> Result<()> {
        LinkedIdentity::filter(|it| it.owner.eq(owner)).delete(&self.kept.db).await?;
        Ok(())
    }

    /// With whom an account is connected.
    ///
    /// # Errors
    ///
    /// When the database cannot be had.
    pub async fn identities(&self, owner: &str) -> Result<Vec<LinkedIdentity>> {
        LinkedIdentity::of_owner(owner, &self.kept.db.primary()).await
    }
}

impl From<Kept> for AccessToken {
    fn from(kept: Kept) -> Self {
        let expires_at = kept.expires_at.map(|end| UNIX_EPOCH + Duration::from_secs(end));
        Self { token: Secret::new(kept.access_token), expires_at }
    }
}

fn not_connected(remote: &Remote) -> Error {
    let message =
        format!("Connect {} with your account, so that it can be asked in your name.", remote.provider.label);
    Error::new(StatusCode::CONFLICT, message).code("not_connected")
}
