//! Access tokens and refresh tokens, by device.
//!
//! A device that signs in gets a pair: an access token, which is signed and short-lived, and a refresh token, which is exchanged for the
//! next pair. A refresh token is good once. One that comes a second time was stolen, or its successor was: nobody can tell which of the
//! two comes, so that the device is signed out as a whole, and whoever owns it has to sign in again (RFC 9700, 4.14.2).
//!
//! But networks fail, and a browser has two tabs. Within `jwt.retry_grace`, and only while the successor has not been used, a refresh
//! token may be sent once more, and gets *the same* successor: that follows from the token and the keys of the application, so
//! that nobody has to keep it. A thief who is that quick has the same token as its owner; whoever of them uses it second is found.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::random::{Random, hex};
use mainstay_core::recent::Recent;
use mainstay_core::{Contributions, Error, Inject, Resolver, Result};
use mainstay_db::write::get;
use mainstay_db::{Db, Key, Query};
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::config::JwtConfig;
use super::device::{Device, SignIn};
use super::keys::SigningKeys;
use super::read::Remembered;
use super::table::{NewStoredRefreshToken, NewStoredSignIn, StoredRefreshToken, StoredSignIn};
use super::theft::TokenTheft;
use super::verify::{Claims, JwtError, Verifier};
use crate::access_tokens::SecretText;
use crate::account::Account;
use crate::audit::{Audit, SecurityEvent};
use crate::scopes::Scopes;
use crate::tokens::stamp;

/// What a refresh token begins with.
const PREFIX: &str = "mstr";
/// The type of access tokens (RFC 9068): no other token with the same keys is taken for one.
const ACCESS: &str = "at+jwt";

/// Signs devices in, exchanges their refresh tokens, and signs them out. Injectable.
pub struct TokenPairs {
    pub(super) db: Inject<Db>,
    pub(super) clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    pub(super) config: Inject<JwtConfig>,
    keys: Inject<SigningKeys>,
    contributions: Inject<Contributions>,
    audit: Inject<Audit>,
    successors: Purpose,
    verifier: Verifier,
    resolver: Resolver,
    pub(super) known: Recent<Box<str>, Arc<Remembered>>,
}

/// What a device gets (RFC 6749, 5.1).
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenPair {
    /// For the header `Authorization`.
    pub access_token: String,
    /// The word before it there.
    pub token_type: String,
    /// In how many seconds it ends.
    pub expires_in: u64,
    /// For the next pair. It is good once.
    pub refresh_token: String,
    /// What it is good for.
    pub scope: String,
}

/// By what a device was signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By its owner, or itself.
    SignedOut,
    /// By a refresh token that came twice.
    Reuse,
    /// Its owner is gone or not active, or has another password.
    Account,
}

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Reuse => "reuse",
            Self::Account => "account",
        }
    }
}

/// What has become of a refresh token.
enum Exchanged {
    /// It was exchanged just now, or a moment ago.
    For(SecretText),
    /// It came when its successor, or its grace, was over.
    Reused,
}

impl TokenPairs {
    pub(super) async fn provide(
        (db, clock, random): (Inject<Db>, Inject<dyn Clock>, Inject<dyn Random>),
        config: Inject<JwtConfig>,
        keys: Inject<SigningKeys>,
        secrets: Inject<Keys>,
        contributions: Inject<Contributions>,
        audit: Inject<Audit>,
        resolver: Resolver,
    ) -> Result<Self> {
        let verifier = Verifier::new(config.issuer(), config.audience())
            .types(&[ACCESS])
            .algorithms([super::Algorithm::Es256, super::Algorithm::EdDsa])
            .leeway(config.leeway);
        let successors = secrets.purpose("successor of a refresh token");
        let known = Recent::new(config.remembered);
        Ok(Self {
            db,
            clock,
            random,
            config,
            keys,
            contributions,
            audit,
            successors,
            verifier,
            resolver,
            known,
        })
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now().into()
    }

    /// Signs a device in: its first pair of tokens. Whoever calls this has checked who it is.
    ///
    /// # Errors
    ///
    /// 400 when the application does not know the scopes; when the database cannot be reached.
    pub async fn sign_in<A: Account>(
        &self,
        account: &A,
        device: &Device,
        scopes: &Scopes,
    ) -> Result<TokenPair> {
        scopes.known_to(&self.contributions)?;
        let (now, owner) = (self.now(), account.principal().identity());
        let id = self.random.hex(16);
        let first = SecretText::new(PREFIX, &*self.random);
        let new = NewStoredSignIn {
            id: id.clone(),
            owner: owner.clone(),
            account: A::META.name.to_owned(),
            account_key: serde_json::to_string(&account.key())?,
            stamp: hex(&stamp(account)),
            scopes: scopes.to_string(),
            created_at: now,
            used_at: now,
            expires_at: now + self.config.sign_in_lifetime,
        };
        let new = new.agent(device.agent.clone()).address(device.address.map(|address| address.to_string()));
        let token = self.refresh_token(&first, &id, now);
        let sign_in = self.db.transaction(async |tx| {
            let sign_in = new.insert(tx).await?;
            token.insert(tx).await?;
            Ok(sign_in)
        });
        let sign_in = sign_in.await?;
        self.pair(account, &sign_in, first, now)
    }

    fn refresh_token(&self, text: &SecretText, sign_in: &str, now: DateTime<Utc>) -> NewStoredRefreshToken {
        NewStoredRefreshToken {
            digest: text.digest(),
            sign_in: sign_in.to_owned(),
            created_at: now,
            expires_at: now + self.config.refresh_lifetime,
        }
    }

    fn pair<A: Account>(
        &self,
        account: &A,
        sign_in: &StoredSignIn,
        refresh: SecretText,
        now: DateTime<Utc>,
    ) -> Result<TokenPair> {
        // No access token outlives its device.
        let left = (sign_in.expires_at - now).to_std().unwrap_or_default();
        let lifetime = self.config.access_lifetime.min(left);
        let issued = now.timestamp();
        let claims = json!({
            "iss": self.config.issuer(),
            "aud": self.config.audience(),
            "sub": account.principal().id(),
            "account": A::META.name,
            "sid": sign_in.id,
            "jti": self.random.hex(16),
            "scope": sign_in.scopes,
            "iat": issued,
            "nbf": issued,
            "exp": issued.saturating_add_unsigned(lifetime.as_secs()),
        });
        Ok(TokenPair {
            access_token: self.keys.current()?.sign(ACCESS, &claims)?,
            token_type: A::SCHEME.to_owned(),
            expires_in: lifetime.as_secs(),
            refresh_token: refresh.into_text(),
            scope: sign_in.scopes.clone(),
        })
    }

    /// What an access token says, if it is one of ours and good.
    ///
    /// This asks nobody: whether its device has been signed out meanwhile is not known here.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        self.verifier.verify(token, &self.keys.public(), self.clock.now())
    }

    /// Exchanges a refresh token for the next pair.
    ///
    /// # Errors
    ///
    /// 400 `invalid_grant` when it is not good, or not any more. One that comes a second time signs its device out.
    pub async fn refresh<A: Account>(&self, token: &str, device: &Device) -> Result<TokenPair> {
        let (text, row) = self.find(token).await?;
        let now = self.now();
        let primary = self.db.primary();
        let sign_in = StoredSignIn::live(now)
            .filter(|sign_in| sign_in.id.eq(&*row.sign_in) & sign_in.account.eq(A::META.name));
        let sign_in = sign_in.first(&primary).await?.ok_or_else(refused)?;
        let Some(account) = self.account::<A>(&sign_in).await? else {
            self.end(&sign_in.id, Ended::Account).await?;
            return Err(refused());
        };
        if row.expires_at <= now {
            return Err(refused());
        }
        match self.exchange(&text, &row, device).await? {
            Exchanged::For(successor) => self.pair(&account, &sign_in, successor, now),
            Exchanged::Reused => {
                self.end(&sign_in.id, Ended::Reuse).await?;
                let event = SecurityEvent::new("refresh_token.reused").of(&sign_in.owner).refused();
                let event = event
                    .with("sign_in", &*sign_in.id)
                    .with("address", device.address.map(|it| it.to_string()));
                self.audit.record(event.with("agent", device.agent.clone())).await?;
                for theft in self.contributions.of::<TokenTheft<A>>() {
                    let device = SignIn::from(sign_in.clone());
                    theft.value.tell(account.clone(), device, self.resolver.clone()).await;
                }
                Err(refused())
            }
        }
    }

    async fn find(&self, token: &str) -> Result<(SecretText, StoredRefreshToken)> {
        let text = SecretText::read(token).filter(|text| text.has_prefix(PREFIX)).ok_or_else(refused)?;
        let digest = text.digest();
        let row = StoredRefreshToken::filter(|row| row.digest.eq(digest)).first(&self.db.primary()).await?;
        Ok((text, row.ok_or_else(refused)?))
    }

    /// The account of a device, if it may be signed in still.
    pub(super) async fn account<A: Account>(&self, sign_in: &StoredSignIn) -> Result<Option<A>> {
        let key = serde_json::from_str(&sign_in.account_key)?;
        let account = get::<A>(Key::new(key), &self.db.primary()).await?;
        Ok(account.filter(|account| account.is_active() && hex(&stamp(account)) == sign_in.stamp))
    }

    async fn exchange(
        &self,
        text: &SecretText,
        row: &StoredRefreshToken,
        device: &Device,
    ) -> Result<Exchanged> {
        let now = self.now();
        let successor = self.successor(text);
        let mut spent_at = row.spent_at;
        if spent_at.is_none() {
            let next = self.refresh_token(&successor, &row.sign_in, now);
            let (agent, address) = (device.agent.clone(), device.address.map(|address| address.to_string()));
            let won = self.db.transaction(async |tx| {
                let this = StoredRefreshToken::filter(|token| {
                    token.digest.eq(&*row.digest) & token.spent_at.is_null()
                });
                // Of several that come with one token at once, this lets one through.
                if this.update(|token| token.spent_at(now), tx).await? == 0 {
                    return Ok(false);
                }
                next.insert(tx).await?;
                let sign_in = StoredSignIn::filter(|sign_in| sign_in.id.eq(&*row.sign_in));
                sign_in.update(|sign_in| sign_in.used_at(now).agent(agent).address(address), tx).await?;
                Ok(true)
            });
            if won.await? {
                return Ok(Exchanged::For(successor));
            }
            // Somebody was faster, a moment ago.
            let (_, row) = self.find(text.text()).await?;
            spent_at = row.spent_at;
        }
        self.again(spent_at.ok_or_else(refused)?, successor, now).await
    }

    /// What comes of a token that was spent before.
    async fn again(
        &self,
        spent_at: DateTime<Utc>,
        successor: SecretText,
        now: DateTime<Utc>,
    ) -> Result<Exchanged> {
        let since = (now - spent_at).to_std().unwrap_or(Duration::ZERO);
        if since >= self.config.retry_grace {
            return Ok(Exchanged::Reused);
        }
        let digest = successor.digest();
        let unused = StoredRefreshToken::filter(|token| token.digest.eq(digest) & token.spent_at.is_null());
        Ok(if unused.exists(&self.db.primary()).await? {
            Exchanged::For(successor)
        } else {
            Exchanged::Reused
        })
    }

    /// What follows a token. Only who has the keys of the application can say.
    fn successor(&self, text: &SecretText) -> SecretText {
        let signed = self.successors.sign(text.text().as_bytes(), None);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, signed.as_bytes()).as_ref());
        SecretText::derived(PREFIX, &bytes)
    }

    async fn end(&self, id: &str, by: Ended) -> Result<()> {
        let _forgets = self.known.forgets_where(|known| known.family == id);
        let this = StoredSignIn::filter(|sign_in| sign_in.id.eq(id) & sign_in.ended_at.is_null());
        self.end_all(this, by).await?;
        Ok(())
    }

    /// How many of these there were. Whoever calls this has what is known of them forgotten.
    async fn end_all(&self, these: Query<StoredSignIn>, by: Ended) -> Result<u64> {
        let now = self.now();
        these.update(|sign_in| sign_in.ended_at(now).ended_by(Some(by.name().to_owned())), &*self.db).await
    }

    /// The devices of an account that are signed in.
    fn of<A: Account>(&self, account: &A) -> Query<StoredSignIn> {
        let owner = account.principal().identity();
        StoredSignIn::live(self.now()).filter(|sign_in| sign_in.owner.eq(&*owner))
    }

    /// The devices of an account that are signed in, the one that came last first.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn list<A: Account>(&self, account: &A) -> Result<Vec<SignIn>> {
        let theirs = self.of(account).order_by(|sign_in| sign_in.used_at.desc());
        Ok(theirs.all(&self.db.primary()).await?.into_iter().map(SignIn::from).collect())
    }

    /// Signs a device of an account out. `false` if they have no such device. Its access tokens are refused here at once, in other
    /// processes within `jwt.recheck`.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn sign_out<A: Account>(&self, account: &A, id: &str) -> Result<bool> {
        let owner = account.principal().identity();
        let _forgets =
            self.known.forgets_where(|known| known.family == id && known.principal.identity() == owner);
        let this = self.of(account).filter(|sign_in| sign_in.id.eq(id));
        Ok(self.end_all(this, Ended::SignedOut).await? > 0)
    }

    /// Signs all devices of an account out, but for one. Returns how many.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn sign_out_all<A: Account>(&self, account: &A, except: Option<&str>) -> Result<u64> {
        let owner = account.principal().identity();
        let _forgets = self
            .known
            .forgets_where(|known| Some(&*known.family) != except && known.principal.identity() == owner);
        let others = self.of(account).filter_if(except, |sign_in, except| sign_in.id.ne(except));
        self.end_all(others, Ended::SignedOut).await
    }

    /// Signs the device out that has this refresh token, as RFC 7009 has it: a token that is none is as good as signed out.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn sign_out_by(&self, refresh_token: &str) -> Result<()> {
        let row = match self.find(refresh_token).await {
            Ok((_, row)) => row,
            Err(error) if error.machine_code() == INVALID_GRANT => return Ok(()),
            Err(error) => return Err(error),
        };
        self.end(&row.sign_in, Ended::SignedOut).await
    }
}

const INVALID_GRANT: &str = "invalid_grant";

/// 400, as RFC 6749, 5.2 has it; always in the same words.
fn refused() -> Error {
    Error::bad_request("The refresh token is not valid, or its time is over. Sign in again.")
        .code(INVALID_GRANT)
}

impl std::fmt::Debug for TokenPairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenPairs").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenPair").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
