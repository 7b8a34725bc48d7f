//! What is kept of a second factor, and how a code is checked.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use mainstay_core::app::AppInfo;
use mainstay_core::clock::Clock;
use mainstay_core::keys::{Keys, Purpose, sha256};
use mainstay_core::random::Random;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::{Db, Executor, model};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};

/// How many recovery codes somebody has.
const CODES: usize = 10;

/// How many letters a recovery code has, of 32: 50 bits, in two groups.
const LETTERS: usize = 10;

/// How long somebody may take to give the first code.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Letters that nobody takes for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The authenticator app of an account.
#[model(table = "mainstay_second_factors")]
pub(super) struct StoredFactor {
    #[field(primary_key, max_length = 255)]
    pub owner: String,
    /// What the app knows too, sealed together with `owner`.
    pub secret: String,
    /// Of which half minute the last code was. A code is good once.
    pub last_step: i64,
    pub created_at: DateTime<Utc>,
}

/// A recovery code: its digest.
#[model(table = "mainstay_recovery_codes")]
pub(super) struct RecoveryCode {
    #[field(primary_key, max_length = 64)]
    pub id: String,
    #[field(index, max_length = 255)]
    pub owner: String,
    pub used_at: Option<DateTime<Utc>>,
}

/// The second factors of accounts, by their [identity](mainstay_core::principal::Principal::identity). Injectable.
pub struct SecondFactors {
    db: Inject<Db>,
    seals: Purpose,
    /// For what waits in a session for its first code.
    begun: Purpose,
    clock: Inject<dyn Clock>,
    random: Arc<dyn Random>,
    app: Inject<AppInfo>,
}

/// What an authenticator app has to be told, until it is confirmed by a first code.
#[derive(Clone, Serialize, Deserialize)]
pub struct Enrolment {
    owner: String,
    secret: String,
}

impl Enrolment {
    /// What is typed into an app that cannot read the QR code.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether it was begun for this account.
    pub(super) fn is_of(&self, identity: &str) -> bool {
        self.owner == identity
    }
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl SecondFactors {
    pub(super) fn new(
        db: Inject<Db>,
        keys: Inject<Keys>,
        clock: Inject<dyn Clock>,
        random: Inject<dyn Random>,
        app: Inject<AppInfo>,
    ) -> Self {
        let (seals, begun) = (keys.purpose("second factor"), keys.purpose("second factor, begun"));
        Self { db, seals, begun, clock, random: random.into_arc(), app }
    }

    /// Whether an account has one.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn is_on(&self, identity: &str) -> Result<bool> {
        StoredFactor::filter(|factor| factor.owner.eq(identity)).exists(&self.db.primary()).await
    }

    /// How many recovery codes an account has left.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn codes_left(&self, identity: &str) -> Result<u64> {
        let unused = RecoveryCode::filter(|code| code.owner.eq(identity) & code.used_at.is_null());
        unused.count(&self.db.primary()).await
    }

    /// A new secret for an app. Nothing is kept before [`turn_on`](Self::turn_on).
    pub fn begin(&self, identity: &str) -> Enrolment {
        let mut bytes = [0; 20];
        self.random.fill(&mut bytes);
        Enrolment { owner: identity.to_owned(), secret: Secret::from(bytes).to_base32() }
    }

    /// The address that a QR code holds (`otpauth://…`), in which the account is called `name`.
    ///
    /// # Errors
    ///
    /// When the enrolment is none of ours.
    pub fn address(&self, enrolment: &Enrolment, name: &str) -> Result<String> {
        // Neither may have a colon in it, which stands between them.
        let (issuer, name) = (self.app.name.replace(':', " "), name.replace(':', " "));
        let secret = Secret::try_from_base32(&enrolment.secret).map_err(broken)?;
        let totp =
            Builder::new().with_secret(secret).with_account_name(name).with_issuer(Some(issuer)).build();
        totp.and_then(|totp| totp.to_url()).map_err(broken)
    }

    /// The same as a picture (SVG).
    ///
    /// # Errors
    ///
    /// As [`address`](Self::address).
    pub fn picture(&self, enrolment: &Enrolment, name: &str) -> Result<String> {
        let address = self.address(enrolment, name)?;
        let code = QrCode::with_error_correction_level(address, EcLevel::M).map_err(broken)?;
        let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
        // A part of a page, and no file.
        Ok(picture.split_once("?>").map_or(picture.clone(), |(_, svg)| svg.to_owned()))
    }

    /// What a session may keep of an enrolment, for a while.
    pub(super) fn seal(&self, enrolment: &Enrolment) -> Result<String> {
        Ok(self.begun.seal(&serde_json::to_vec(enrolment)?, Some(PATIENCE)))
    }

    pub(super) fn unseal(&self, sealed: &str) -> Option<Enrolment> {
        serde_json::from_slice(&self.begun.open(sealed).ok()?).ok()
    }

    /// Turns it on, if `code` is one of the app now, and returns the recovery codes, which nobody can show again. `None`: it is not.
    ///
    /// # Errors
    ///
    /// 409 when the account has one already; when it cannot be kept.
    pub async fn turn_on(&self, enrolment: &Enrolment, code: &str) -> Result<Option<Vec<String>>> {
        let owner = enrolment.owner.as_str();
        let secret = Secret::try_from_base32(&enrolment.secret).map_err(broken)?;
        let Some(step) = step(&totp(secret)?, code, self.clock.now()) else { return Ok(None) };
        let sealed = self.seals.seal(&serde_json::to_vec(enrolment)?, None);
        let created_at: DateTime<Utc> = self.clock.now().into();
        let codes = self.db.transaction(async |tx| {
            let factor =
                NewStoredFactor { owner: owner.to_owned(), secret: sealed, last_step: step, created_at };
            if factor.insert_or_ignore(|factor| factor.owner, tx).await?.is_none() {
                return Err(Error::conflict("The account has a second factor already."));
            }
            self.replace_codes(owner, tx).await
        });
        codes.await.map(Some)
    }

    /// Turns it off. Whether it was on.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn turn_off(&self, identity: &str) -> Result<bool> {
        let done = self.db.transaction(async |tx| {
            RecoveryCode::filter(|code| code.owner.eq(identity)).delete(tx).await?;
            StoredFactor::filter(|factor| factor.owner.eq(identity)).delete(tx).await
        });
        Ok(done.await? > 0)
    }

    /// Makes new recovery codes; the old ones are void.
    ///
    /// # Errors
    ///
    /// When they cannot be kept.
    pub async fn new_codes(&self, identity: &str) -> Result<Vec<String>> {
        self.db.transaction(async |tx| self.replace_codes(identity, tx).await).await
    }

    async fn replace_codes(&self, owner: &str, executor: &impl Executor) -> Result<Vec<String>> {
        RecoveryCode::filter(|code| code.owner.eq(owner)).delete(executor).await?;
        let codes: Vec<String> = (0..CODES).map(|_| self.random_code()).collect();
        for code in &codes {
            NewRecoveryCode { id: key(owner, code), owner: owner.to_owned() }.insert(executor).await?;
        }
        Ok(codes)
    }

    fn random_code(&self) -> String {
        let mut bytes = [0; LETTERS];
        self.random.fill(&mut bytes);
        let letters: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let (first, second) = letters.split_at(LETTERS / 2);
        format!("{first}-{second}")
    }

    /// Whether `code` is one of the app now, or an unused recovery code of the account. It is used then: nobody gets in by it again.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked, or the key that sealed the secret is gone.
    pub async fn accept(&self, identity: &str, code: &str) -> Result<bool> {
        let typed: String = code.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        if typed.len() == LETTERS {
            return self.accept_recovery(identity, &typed).await;
        }
        let factor =
            StoredFactor::filter(|factor| factor.owner.eq(identity)).first(&self.db.primary()).await?;
        let Some(factor) = factor else { return Ok(false) };
        let opened = self.seals.open(&factor.secret);
        let lost = |why| Error::internal("the secret of a second factor cannot be read").caused_by(why);
        let enrolment: Enrolment = serde_json::from_slice(&opened.map_err(lost)?)?;
        if enrolment.owner != identity {
            return Err(Error::internal("a second factor has the secret of somebody else"));
        }
        let secret = Secret::try_from_base32(&enrolment.secret).map_err(broken)?;
        let Some(step) = step(&totp(secret)?, &typed, self.clock.now()) else { return Ok(false) };
        // Of two requests with one code, one writes it down.
        let unused = StoredFactor::filter(|factor| factor.owner.eq(identity) & factor.last_step.lt(step));
        Ok(unused.update(|factor| factor.last_step(step), &*self.db).await? == 1)
    }

    async fn accept_recovery(&self, identity: &str, typed: &str) -> Result<bool> {
        let (id, now) = (key(identity, typed), DateTime::<Utc>::from(self.clock.now()));
        let unused =
            RecoveryCode::filter(|code| code.id.eq(id) & code.owner.eq(identity) & code.used_at.is_null());
        Ok(unused.update(|code| code.used_at(now), &*self.db).await? == 1)
    }
}

impl std::fmt::Debug for SecondFactors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactors").finish_non_exhaustive()
    }
}

fn totp(secret: Secret) -> Result<Totp> {
    Builder::new().with_secret(secret).build().map_err(broken)
}

/// Of which half minute a code is: this one, or the one before or after, since clocks differ.
fn step(totp: &Totp, code: &str, now: SystemTime) -> Option<i64> {
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let seconds = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    totp.check(&digits, seconds).and_then(|step| i64::try_from(step).ok())
}

/// Under which key a recovery code is kept. It is random enough that a plain digest tells nobody what it is.
fn key(owner: &str, code: &str) -> String {
    let letters = code.chars().filter(|letter| letter.is_ascii_alphanumeric());
    // Whoever writes down a zero may read it as an o.
    let letters = letters.map(|letter| match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        letter => letter,
    });
    sha256::hex(format!("{owner}\n{}", letters.collect::<String>()).as_bytes())
}

fn broken(why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("a second factor cannot be made of this").caused_by(why)
}
