//! Passwords: argon2id (RFC 9106), on threads of its own.
//!
//! A hash takes tens of milliseconds of a processor and some 20 MB on purpose. So it runs on few threads that do nothing else,
//! behind a queue of limited length: a flood of logins fills the queue and is refused, and everything else goes on.
//!
//! - `hash`: [`PasswordHash`], a column; `imported`: those of other frameworks.
//! - `config`: how dear a hash is; `strength`: whether that is enough.
//! - `crew`: the threads.
//! - `rules`: which passwords people may choose; `breaches`: none that were stolen elsewhere (feature `breached-passwords`).

#[cfg(feature = "breached-passwords")]
pub(crate) mod breaches;
mod config;
mod crew;
mod hash;
mod imported;
mod rules;
mod strength;

use std::sync::Arc;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use mainstay_core::random::Random;
use mainstay_core::{Error, Inject, Profile, Result, StatusCode};
use mainstay_db::named::is_row;
use mainstay_db::write::find;
use mainstay_db::{Executor, Query};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::authenticate::unauthorized;
use crew::Crew;
use rules::Rules;

pub use config::AuthConfig;
#[cfg(feature = "breached-passwords")]
pub use config::{BreachedPasswordsConfig, Unavailable};
pub use hash::PasswordHash;

/// The longest password, in bytes. Nobody types more, and a hash of more is work for whoever wants to make work.
pub const LONGEST: usize = 1024;

/// What a password turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another one.
    Wrong,
    /// The right one.
    Right,
    /// The right one; its hash is not as this application makes them now, and should be made again.
    Stale,
}

/// Makes and checks the hashes of passwords. Injectable.
///
/// ```
/// use mainstay_auth::Passwords;
/// use mainstay_auth::passwords::{AuthConfig, Verdict};
/// use mainstay_core::Profile;
/// use mainstay_core::random::SecureRandom;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// let passwords = Passwords::new(&AuthConfig::default(), &Profile::Test, Arc::new(SecureRandom::new()))?;
/// let hash = passwords.hash("correct horse battery staple").await?;
/// assert_eq!(passwords.verify("correct horse battery staple", &hash).await?, Verdict::Right);
/// assert_eq!(passwords.verify("Tr0ub4dor&3", &hash).await?, Verdict::Wrong);
/// # Ok(()) }
/// ```
pub struct Passwords {
    crew: Crew,
    params: Params,
    random: Arc<dyn Random>,
    rules: Rules,
    #[cfg(feature = "breached-passwords")]
    breaches: Option<breaches::Breaches>,
    /// What a password is compared with where there is no account.
    decoy: PasswordHash,
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the configured costs are none that argon2 takes, or no thread can be started.
    pub fn new(config: &AuthConfig, profile: &Profile, random: Arc<dyn Random>) -> Result<Self> {
        let params = config.params(profile)?;
        let decoy = PasswordHash::of_nothing(&params, &*random)?;
        let rules = Rules { shortest: config.password_min_length };
        Ok(Self {
            crew: Crew::start(config.threads())?,
            params,
            random,
            rules,
            #[cfg(feature = "breached-passwords")]
            breaches: None,
            decoy,
        })
    }

    #[cfg(not(feature = "breached-passwords"))]
    pub(crate) async fn provide(
        config: Inject<AuthConfig>,
        profile: Inject<Profile>,
        random: Inject<dyn Random>,
    ) -> Result<Self> {
        Self::new(&config, &profile, random.into_arc())
    }

    #[cfg(feature = "breached-passwords")]
    pub(crate) async fn provide(
        config: Inject<AuthConfig>,
        profile: Inject<Profile>,
        random: Inject<dyn Random>,
        service: Inject<breaches::BreachedPasswords>,
    ) -> Result<Self> {
        let breaches = breaches::Breaches::of(&config.breached_passwords, &service);
        Ok(Self { breaches, ..Self::new(&config, &profile, random.into_arc())? })
    }

    /// Whether somebody may choose this password: it is long enough (`auth.password_min_length`), none of those that are tried first, not
    /// like one of their `names`, and, where `[auth.breached_passwords]` says so, none that was stolen elsewhere. `field` is the one it was
    /// typed into.
    ///
    /// # Errors
    ///
    /// 422 with what is wrong with the field; 503 when it has to be asked elsewhere and cannot be, if that is configured to refuse.
    pub async fn check_choice(&self, field: &str, password: &str, names: &[String]) -> Result<()> {
        self.check_rules(field, password, names)?;
        self.check_breaches(field, password).await
    }

    /// The part of [`check_choice`](Self::check_choice) that asks nobody.
    pub(crate) fn check_rules(&self, field: &str, password: &str, names: &[String]) -> Result<()> {
        self.rules.check(field, password, names)
    }

    /// The other part, which is a call to somebody else: after whatever counts how often one may try.
    pub(crate) async fn check_breaches(&self, field: &str, password: &str) -> Result<()> {
        #[cfg(feature = "breached-passwords")]
        if let Some(breaches) = &self.breaches {
            return breaches.check(field, password).await;
        }
        let _ = (field, password);
        Ok(())
    }

    /// The hash of a password.
    ///
    /// # Errors
    ///
    /// When it is longer than [`LONGEST`]; 503 when too many wait already.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash> {
        if password.len() > LONGEST {
            return Err(Error::bad_request(format!("A password has at most {LONGEST} bytes."))
                .code("password_too_long"));
        }
        let (password, params) = (Zeroizing::new(password.to_owned()), self.params.clone());
        let random = Arc::clone(&self.random);
        self.crew.run(move || digest(password.as_bytes(), &params, &*random)).await?
    }

    /// Whether `password` is the one that `hash` was made of.
    ///
    /// # Errors
    ///
    /// When `hash` is none that this crate can read; 503 when too many wait already.
    pub async fn verify(&self, password: &str, hash: &PasswordHash) -> Result<Verdict> {
        if password.len() > LONGEST {
            return Ok(Verdict::Wrong);
        }
        let (password, hash) = (Zeroizing::new(password.to_owned()), hash.clone());
        let is_right = self.crew.run(move || hash.is_of(password.as_bytes()).map(|right| (right, hash)));
        let (is_right, hash) = is_right.await??;
        Ok(match is_right {
            false => Verdict::Wrong,
            true if hash.is_as(&self.params) => Verdict::Right,
            true => Verdict::Stale,
        })
    }

    /// The account, if `password` is its own. A hash that was made in an older way is made anew, which ends its tokens as a new
    /// password does.
    ///
    /// The answer is the same whether there is no account, it has no password, it is not active, or the password is wrong; and
    /// it takes as long as that for a hash which is made as they are now. Nobody learns here who has an account.
    ///
    /// # Errors
    ///
    /// 401 with the code `wrong_credentials`; 503 when too many wait already.
    pub async fn log_in<A: Account>(
        &self,
        account: Option<A>,
        password: &str,
        executor: &impl Executor,
    ) -> Result<A> {
        let hash = account.as_ref().and_then(Account::password).unwrap_or(&self.decoy).clone();
        let verdict = match self.verify(password, &hash).await {
            // Whoever tries to sign in learns nothing of that, not by the time either.
            Err(error) if error.status() == StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!(error = %error.report(), "an account has a password hash that cannot be checked");
                self.verify(password, &self.decoy).await.map(|_| Verdict::Wrong)?
            }
            verdict => verdict?,
        };
        let refused = || {
            let message = "Name and password do not belong together.";
            unauthorized::<A>(message.to_owned()).code("wrong_credentials")
        };
        let account = account.filter(Account::is_active).ok_or_else(refused)?;
        match verdict {
            Verdict::Wrong => Err(refused()),
            Verdict::Right => Ok(account),
            Verdict::Stale => Ok(self.replace(&account, password, executor).await?.unwrap_or(account)),
        }
    }

    /// The account with the hash of this password in place of its own. None: it has got another one meanwhile.
    pub(crate) async fn replace<A: Account>(
        &self,
        account: &A,
        password: &str,
        executor: &impl Executor,
    ) -> Result<Option<A>> {
        let hash = self.hash(password).await?;
        let mut this = Query::new().filter(|_| is_row(account));
        if let Some(before) = account.password().cloned() {
            this = this.filter(|fields| A::set_password(fields, before).is_so());
        }
        match this.update_with(|fields| A::set_password(fields, hash), executor).await? {
            0 => Ok(None),
            _ => find(account.key(), executor).await.map(Some),
        }
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("params", &self.params).finish_non_exhaustive()
    }
}

fn digest(password: &[u8], params: &Params, random: &dyn Random) -> Result<PasswordHash> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    match argon2.hash_password_with_salt(password, &salt) {
        Ok(hash) => Ok(PasswordHash::of(&hash)),
        Err(error) => Err(Error::internal(format!("a password cannot be hashed: {error}"))),
    }
}
