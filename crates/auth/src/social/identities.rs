//! Which account is whose elsewhere: the table `mainstay_linked_identities`.
//!
//! An identity is an issuer and a subject, and belongs to one account. An address never decides: it may be given to somebody else.

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::error::DbError;
use mainstay_db::write::get;
use mainstay_db::{Db, Executor, Key, model};

use super::profile::SocialProfile;
use crate::account::Account;

/// An identity elsewhere, and the account here that it signs in.
#[model(table = "mainstay_linked_identities")]
#[unique(issuer, subject)]
pub struct LinkedIdentity {
    /// Its number.
    pub id: i64,
    /// Who vouches for it.
    #[field(max_length = 255)]
    pub issuer: String,
    /// Who it is there.
    #[field(max_length = 255)]
    pub subject: String,
    /// By which table of the configuration it was connected.
    #[field(max_length = 40)]
    pub provider: String,
    /// The account here, as its principal names it.
    #[field(index, max_length = 255)]
    pub owner: String,
    /// The key of the account, as JSON.
    #[field(max_length = 255)]
    pub account: String,
    /// The address there, when it was last used.
    #[field(max_length = 254)]
    pub email: Option<String>,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_used_at: DateTime<Utc>,
    /// The tokens that are kept, sealed.
    #[field(hidden)]
    pub tokens: Option<String>,
    /// Until when somebody is fetching new ones.
    #[field(hidden)]
    pub refreshing_until: Option<DateTime<Utc>>,
}

impl LinkedIdentity {
    /// The identity of a profile, if it is known.
    pub(super) async fn of_profile(profile: &SocialProfile, db: &Db) -> Result<Option<Self>> {
        Self::filter(|it| it.issuer.eq(&*profile.issuer) & it.subject.eq(&*profile.subject))
            .first(&db.primary())
            .await
    }

    /// Those of an account, the oldest first.
    pub(super) async fn of_owner(owner: &str, executor: &impl Executor) -> Result<Vec<Self>> {
        Self::filter(|it| it.owner.eq(owner)).order_by(|it| it.id.asc()).all(executor).await
    }

    /// Connects a profile with an account.
    pub(super) async fn connect<A: Account>(
        profile: &SocialProfile,
        account: &A,
        now: DateTime<Utc>,
        executor: &impl Executor,
    ) -> Result<Self> {
        let new = NewLinkedIdentity {
            issuer: profile.issuer.clone(),
            subject: profile.subject.clone(),
            provider: profile.provider.clone(),
            owner: account.principal().identity(),
            account: serde_json::to_string(&account.key())?,
            created_at: now,
            last_used_at: now,
        };
        new.email(profile.unverified_email().map(str::to_owned)).insert(executor).await
    }

    /// Notes that it has signed in.
    pub(super) async fn note_use(&self, profile: &SocialProfile, now: DateTime<Utc>, db: &Db) -> Result<()> {
        let (id, email) = (self.id, profile.unverified_email().map(str::to_owned));
        Self::filter(|it| it.id.eq(id)).update(|it| it.last_used_at(now).email(email), db).await?;
        Ok(())
    }

    /// The account that it belongs to. None if there is none any more.
    pub(super) async fn account<A: Account>(&self, db: &Db) -> Result<Option<A>> {
        let Some(account) = get::<A>(Key::new(serde_json::from_str(&self.account)?), &db.primary()).await?
        else {
            return Ok(None);
        };
        let found = account.principal().identity();
        if found == self.owner {
            return Ok(Some(account));
        }
        // Of another model, or its principal is made in another way than when it was connected. Nobody is let in by guesses.
        let fault =
            format!("the linked identity {} is of `{}`, and its account is `{found}`", self.id, self.owner);
        Err(Error::internal(fault))
    }
}

/// Whether a row could not be added because there is one like it.
pub(super) fn is_taken(error: &Error) -> bool {
    matches!(error.source_as::<DbError>(), Some(DbError::UniqueViolation { .. }))
}
