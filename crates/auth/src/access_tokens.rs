//! Personal access tokens: what a person makes for a program, which then acts in their name, within limits.
//!
//! `.access_tokens::<User>()` lets requests bring them, and adds the addresses where their owner makes, lists and revokes them. A token
//! is shown once, when it is made; the table `mainstay_access_tokens` has a digest of it. It ends with its time, when it is revoked, when
//! its owner is deleted, and while they are not active. A change of the password does not end it, as it does not with GitHub: the program
//! that has it knows no password. [`AccessTokens::revoke_all`] is for who thinks otherwise.
//!
//! In reading order:
//!
//! - `text`: how such a token looks, so that scanners find it and a slip of the pen is told without asking the database.
//! - `table`: what is kept of it.
//! - [`AccessTokens`], here: to make, list and revoke them.
//! - `read`: from the token of a request to who sends it.
//! - `endpoints`: the addresses; `page`: the page, with `.access_token_pages::<User>()`.
//! - `config`: the section `access_tokens`.

mod config;
mod endpoints;
mod page;
mod read;
mod table;
mod text;

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::random::Random;
use mainstay_core::service::{Running, Service};
use mainstay_core::{
    Contribute, Contribution, Contributions, CoreContributions, Error, Inject, Module, Provider, Result,
};
use mainstay_db::{Db, ModelsExt, migrations, models};
use schemars::JsonSchema;
use serde::Serialize;

use crate::account::Account;
use crate::authenticate::TokenKind;
use crate::pages::{HasPages, Named, Offer, Place};
use crate::scopes::Scopes;

pub use config::AccessTokensConfig;
pub use table::StoredAccessToken;

use table::NewStoredAccessToken;

pub(crate) use text::SecretText;

/// How long the name of a token may be, in letters.
const MAX_NAME: usize = 100;

/// Makes, lists and revokes personal access tokens. Injectable.
///
/// Whoever calls [`create`](Self::create) decides who may: a handler takes [`InPerson`](crate::scopes::InPerson), so that a token does
/// not make others.
pub struct AccessTokens {
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    config: Inject<AccessTokensConfig>,
    contributions: Inject<Contributions>,
}

/// What a new token shall be.
///
/// ```
/// use mainstay_auth::access_tokens::NewAccessToken;
/// use mainstay_auth::scopes::Scopes;
/// use std::time::Duration;
///
/// let new = NewAccessToken::new("backup", Scopes::parse("articles.read").unwrap());
/// assert_eq!(new.lifetime, None, "as the configuration says");
/// let new = NewAccessToken { lifetime: Some(Duration::from_secs(86_400)), ..new };
/// ```
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// What its owner calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// How long. None: `access_tokens.lifetime`.
    pub lifetime: Option<Duration>,
}

impl NewAccessToken {
    /// A token that is good for as long as the configuration says.
    pub fn new(name: impl Into<String>, scopes: Scopes) -> Self {
        Self { name: name.into(), scopes, lifetime: None }
    }
}

/// A token, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccessToken {
    /// What it is called in addresses.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// How it begins.
    pub starts_with: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When a request last came with it, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl AccessTokens {
    pub(crate) fn new(
        db: Inject<Db>,
        clock: Inject<dyn Clock>,
        random: Inject<dyn Random>,
        config: Inject<AccessTokensConfig>,
        contributions: Inject<Contributions>,
    ) -> Self {
        Self { db, clock, random, config, contributions }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now().into()
    }

    /// Makes a token for an account. The text that is returned with it is the token; it is never to be had again.
    ///
    /// # Errors
    ///
    /// 400 when name, scopes or lifetime cannot be, or the account has as many tokens as it may have.
    pub async fn create<A: Account>(
        &self,
        account: &A,
        new: NewAccessToken,
    ) -> Result<(AccessToken, String)> {
        let name = new.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let message = format!("A token needs a name of at most {MAX_NAME} letters, without line breaks.");
            return Err(Error::bad_request(message).code("invalid_name"));
        }
        new.scopes.known_to(&self.contributions)?;
        let lifetime = new.lifetime.unwrap_or(self.config.lifetime);
        if lifetime.is_zero() || lifetime > self.config.max_lifetime {
            let most = mainstay_core::config::duration::format(self.config.max_lifetime);
            return Err(
                Error::bad_request(format!("A token is good for at most {most}.")).code("invalid_lifetime")
            );
        }
        let (now, owner) = (self.now(), account.principal().identity());
        let theirs = StoredAccessToken::live(now).filter(|token| token.owner.eq(&*owner));
        if theirs.count(&self.db.primary()).await? >= u64::from(self.config.max_tokens) {
            let message = format!("At most {} tokens at a time: revoke one.", self.config.max_tokens);
            return Err(Error::bad_request(message).code("too_many_tokens"));
        }
        let text = SecretText::new(&self.config.prefix, &*self.random);
        let stored = NewStoredAccessToken {
            id: self.random.hex(16),
            owner,
            account: A::META.name.to_owned(),
            account_key: serde_json::to_string(&account.key())?,
            name,
            starts_with: text.start().to_owned(),
            digest: text.digest(),
            scopes: new.scopes.to_string(),
            created_at: now,
            expires_at: now + lifetime,
        };
        let stored = stored.insert(&*self.db).await?;
        Ok((stored.into(), text.into_text()))
    }

    /// The tokens of an account that are good, the newest first.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn list<A: Account>(&self, account: &A) -> Result<Vec<AccessToken>> {
        let (now, owner) = (self.now(), account.principal().identity());
        let tokens = StoredAccessToken::live(now).filter(|token| token.owner.eq(&*owner));
        let tokens = tokens.order_by(|token| token.created_at.desc()).all(&self.db.primary()).await?;
        Ok(tokens.into_iter().map(AccessToken::from).collect())
    }

    /// Revokes a token of an account: no request is let in with it from now on. `false` if they have no such token.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn revoke<A: Account>(&self, account: &A, id: &str) -> Result<bool> {
        let (now, owner) = (self.now(), account.principal().identity());
        let token = StoredAccessToken::filter(|token| {
            token.id.eq(id) & token.owner.eq(&*owner) & token.revoked_at.is_null()
        });
        Ok(token.update(|token| token.revoked_at(now), &*self.db).await? > 0)
    }

    /// Revokes all tokens of an account. Returns how many.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn revoke_all<A: Account>(&self, account: &A) -> Result<u64> {
        let (now, owner) = (self.now(), account.principal().identity());
        let tokens = StoredAccessToken::filter(|token| token.owner.eq(&*owner) & token.revoked_at.is_null());
        tokens.update(|token| token.revoked_at(now), &*self.db).await
    }
}

impl std::fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokens").field("config", &*self.config).finish_non_exhaustive()
    }
}

impl From<StoredAccessToken> for AccessToken {
    fn from(stored: StoredAccessToken) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            starts_with: stored.starts_with,
            scopes: stored.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            last_used_at: stored.last_used_at,
        }
    }
}

/// A contribution: there are personal access tokens.
struct HasAccessTokens;

impl Contribution for HasAccessTokens {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Adds personal access tokens. In the prelude.
pub trait AccessTokensExt: Contribute {
    /// Requests may bring personal access tokens of accounts of `A`, after the scheme of its other tokens. Their owners make, list and
    /// revoke them at `/account/tokens`.
    #[must_use]
    fn access_tokens<A: Account>(self) -> Self {
        self.contribute(HasAccessTokens)
            .contribute(TokenKind::<A>::new(read::ByAccessToken::<A>::default()))
            .contribute(endpoints::routes::<A>())
    }

    /// The same, and a page beside those of `.sign_in_pages::<User>()`: `/account/access-tokens`.
    #[must_use]
    fn access_token_pages<A: Named>(self) -> Self {
        self.access_tokens::<A>()
            .contribute(HasPages)
            .contribute(Offer::new(Place::Account, "Access tokens", page::PAGE))
            .contribute(page::routes::<A>())
    }
}

impl<C: Contribute> AccessTokensExt for C {}

fn module() -> Module {
    Module::new("access tokens")
        .global()
        .import(crate::module::module())
        .import(mainstay_db::module::module())
        .config::<AccessTokensConfig>()
        .models(models![StoredAccessToken])
        .migrations(migrations!("access_tokens").of_library())
        .provide(Provider::singleton(AccessTokens::new).on_demand())
        .export::<AccessTokens>()
        .service(Service::new("access tokens", sweep))
}

/// How often rows are deleted of tokens that have ended.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How long they are kept after their end, so that one can be asked about that was found somewhere.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

async fn sweep(running: Running, db: Inject<Db>, clock: Inject<dyn Clock>) -> Result<()> {
    let mut sweeps = running.every(SWEEP);
    running.ready();
    while sweeps.next().await {
        let ended: DateTime<Utc> = (clock.now() - KEPT).into();
        StoredAccessToken::filter(|token| token.expires_at.le(ended)).delete(&db).await?;
    }
    Ok(())
}
