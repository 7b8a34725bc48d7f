//! Whose account it is when somebody comes back from a provider.
//!
//! | the identity | who asks | |
//! |---|---|---|
//! | is connected | anybody | signs in to its account |
//! | is connected | whoever connects it | it is theirs already, or somebody else's: refused |
//! | is new | whoever connects it | is connected with the account that is signed in |
//! | is new, its address is that of an account | anybody | **refused**: sign in to that account first, then connect |
//! | is new | anybody | [`FromProfile`] makes an account, or refuses |
//!
//! An address does not connect anything by itself. An account may have been made with somebody else's address before its owner came (and
//! then that somebody would be let in by what the owner connects), and a provider may call verified what is not. Who shows the password
//! of the account, and then connects, is right in either case. See Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022.

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::Db;

use super::identities::{LinkedIdentity, is_taken};
use super::profile::{FromProfile, SocialProfile};
use super::provider::Provider;

/// What becomes of somebody who comes back.
pub(super) struct Arrival<A> {
    pub(super) account: A,
    pub(super) identity: LinkedIdentity,
    pub(super) is_new: bool,
}

/// The account of whoever signs in.
pub(super) async fn sign_in<A: FromProfile>(
    provider: &Provider,
    profile: &SocialProfile,
    now: DateTime<Utc>,
    db: &Db,
) -> Result<Arrival<A>> {
    if let Some(known) = known(provider, profile, now, db).await? {
        return Ok(known);
    }
    if let Some(email) = profile.email()
        && A::by_verified_email(email).first(&db.primary()).await?.is_some()
    {
        // It may be their own, made by another tab a moment ago: account and identity come into being together.
        return known(provider, profile, now, db).await?.ok_or_else(|| address_taken(provider));
    }
    let made = db.transaction_retry(async |tx| {
        let account = A::from_profile(profile, tx).await?;
        let account = account.ok_or_else(|| no_account(provider))?;
        let identity = LinkedIdentity::connect(profile, &account, now, tx).await?;
        Ok(Arrival { account, identity, is_new: true })
    });
    match made.await {
        Ok(arrival) => allowed(arrival, provider),
        // Somebody was faster: the same person in another tab, or another one with the same address.
        Err(error) if is_taken(&error) => {
            // On SQLite transactions share a commit, and who came first may not have been committed yet. This one has to wait for it.
            let subject = &*profile.subject;
            db.transaction(async |tx| LinkedIdentity::filter(|it| it.subject.eq(subject)).count(tx).await)
                .await?;
            let known = known(provider, profile, now, db).await?;
            known.ok_or_else(|| address_taken(provider).caused_by(error.report()))
        }
        Err(error) => Err(error),
    }
}

/// Connects a profile with the account that is signed in.
pub(super) async fn connect<A: FromProfile>(
    provider: &Provider,
    profile: &SocialProfile,
    (account, now): (A, DateTime<Utc>),
    db: &Db,
) -> Result<Arrival<A>> {
    let identity = match LinkedIdentity::connect(profile, &account, now, db).await {
        Ok(identity) => return Ok(Arrival { account, identity, is_new: true }),
        Err(error) if is_taken(&error) => LinkedIdentity::of_profile(profile, db).await?,
        Err(error) => return Err(error),
    };
    match identity {
        Some(identity) if identity.owner == account.principal().identity() => {
            identity.note_use(profile, now, db).await?;
            Ok(Arrival { account, identity, is_new: false })
        }
        _ => Err(connected_elsewhere(provider)),
    }
}

/// The account that the identity belongs to.
async fn known<A: FromProfile>(
    provider: &Provider,
    profile: &SocialProfile,
    now: DateTime<Utc>,
    db: &Db,
) -> Result<Option<Arrival<A>>> {
    let Some(identity) = LinkedIdentity::of_profile(profile, db).await? else { return Ok(None) };
    let Some(account) = identity.account::<A>(db).await? else {
        // Its account has been deleted: it is as good as new.
        let id = identity.id;
        LinkedIdentity::filter(|it| it.id.eq(id)).delete(db).await?;
        return Ok(None);
    };
    let arrival = allowed(Arrival { account, identity, is_new: false }, provider)?;
    arrival.identity.note_use(profile, now, db).await?;
    Ok(Some(arrival))
}

fn allowed<A: FromProfile>(arrival: Arrival<A>, provider: &Provider) -> Result<Arrival<A>> {
    if arrival.account.is_active() { Ok(arrival) } else { Err(no_account(provider)) }
}

fn address_taken(provider: &Provider) -> Error {
    Error::conflict(format!(
        "There is an account with your address already. Sign in to it as you did before, and then connect it with {}.",
        provider.label
    ))
    .code("address_taken")
}

fn no_account(provider: &Provider) -> Error {
    let message = format!("You cannot sign in here with this account of {}.", provider.label);
    Error::new(StatusCode::FORBIDDEN, message).code("no_account")
}

fn connected_elsewhere(provider: &Provider) -> Error {
    let message = format!("This account of {} is connected with another account here.", provider.label);
    Error::conflict(message).code("connected_elsewhere")
}
