//! The telling.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SubsecRound, Utc};
use mainstay_bus::{PubSub, Topic};
use mainstay_core::clock::Clock;
use mainstay_core::{Contributions, Error, Inject, Resolver, Result};
use mainstay_db::{Db, Json, Tx, Uuid};
use mainstay_jobs::Jobs;
use mainstay_mail::Mailer;
use serde_json::Value;

use crate::mailbox::{Mailbox, Notice};
use crate::notification::{Kind, Notification, Via};
use crate::recipient::{Notifiable, Recipient};
use crate::tables::{NewStoredNotification, StoredNotification, StoredPreference};

/// What the columns hold, in characters.
const LONGEST_KEY: usize = 255;
/// So many recipients are told by one statement.
const BATCH: usize = 500;

/// Tells people something, and knows what they were told. Injectable where a [`Notification`] is contributed.
pub struct Notifications {
    pub(crate) db: Db,
    pub(crate) clock: Inject<dyn Clock>,
    pub(crate) pubsub: PubSub,
    pub(crate) kinds: Vec<Kind>,
    /// Where one of them goes by mail.
    mailer: Option<(Inject<Mailer>, Inject<Jobs>)>,
}

impl Notifications {
    pub(crate) async fn provide(
        db: Inject<Db>,
        clock: Inject<dyn Clock>,
        pubsub: Inject<PubSub>,
        contributions: Inject<Contributions>,
        resolver: Resolver,
    ) -> Result<Self> {
        let kinds: Vec<Kind> = contributions.of::<Kind>().map(|found| *found.value).collect();
        let mailer = match kinds.iter().any(|kind| kind.via.contains(&Via::Mail)) {
            true => Some((resolver.get::<Mailer>().await?, resolver.get::<Jobs>().await?)),
            false => None,
        };
        Ok(Self { db: db.primary(), clock, pubsub: PubSub::clone(&pubsub), kinds, mailer })
    }

    /// Tells somebody, by the ways that they want: when the transaction is committed, and never if it is not. A mail is delivered by a job,
    /// and tried again until it arrives.
    ///
    /// # Errors
    ///
    /// When the application does not have this kind, the key of the recipient is empty or longer than 255 characters, or the mail cannot be
    /// rendered; and those of the database.
    pub async fn send<N: Notification>(&self, to: &impl Notifiable, what: &N, tx: &Tx) -> Result<()> {
        self.tell(&[to.recipient()], what, tx).await
    }

    /// Tells many the same, with a few statements for all; the mails are rendered here, and are a job for each. Who is named twice is told once. More than some
    /// thousand are better told by a job that fans out.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send). Nobody is told then.
    pub async fn send_all<'a, N: Notification, R: Notifiable + 'a>(
        &self,
        to: impl IntoIterator<Item = &'a R>,
        what: &N,
        tx: &Tx,
    ) -> Result<()> {
        let mut named = HashSet::new();
        let mut all: Vec<Recipient> = to.into_iter().map(Notifiable::recipient).collect();
        all.retain(|one| named.insert(one.key().to_owned()));
        for some in all.chunks(BATCH) {
            self.tell(some, what, tx).await?;
        }
        Ok(())
    }

    /// What somebody was told, and what they want to be told.
    pub fn of(&self, whose: &impl Notifiable) -> Mailbox<'_> {
        Mailbox::new(self, whose.recipient())
    }

    async fn tell<N: Notification>(&self, to: &[Recipient], what: &N, tx: &Tx) -> Result<()> {
        let kind = self.kind(N::NAME).ok_or_else(|| {
            Error::internal(format!(
                "the application does not tell `{}`: contribute it by `.notification::<…>()`",
                N::NAME
            ))
        })?;
        to.iter().try_for_each(check)?;
        let said = said(kind, to, tx).await?;
        let goes = |via: Via| {
            let said = &said;
            to.iter().filter(move |one| kind.goes(via, said.get(&(one.key(), via)).copied()))
        };
        // As the database keeps it, so that a page hears the same.
        let now = DateTime::<Utc>::from(self.clock.now()).trunc_subsecs(6);
        let data = serde_json::to_value(what)?;
        let ids: HashMap<&str, Uuid> = goes(Via::Database).map(|one| (one.key(), Uuid::now_v7())).collect();
        let rows = ids.iter().map(|(key, id)| row((key, *id), kind.name, &data, now));
        StoredNotification::insert_all(rows, tx).await?;
        for one in goes(Via::Broadcast) {
            let id = ids.get(one.key()).copied();
            let notice =
                Notice { id, name: kind.name.to_owned(), data: data.clone(), read_at: None, created_at: now };
            self.pubsub.publish_after(&topic(one.key()), &notice, tx)?;
        }
        if let Some((mailer, jobs)) = &self.mailer {
            let mails = goes(Via::Mail).filter(|one| one.address().is_some());
            let mails = mails.filter_map(|one| {
                let mail = what.mail(one)?;
                Some(mailer.later(match one.language() {
                    Some(locale) => mail.locale(locale),
                    None => mail,
                }))
            });
            jobs.enqueue_all(mails.collect::<Result<Vec<_>>>()?, tx).await?;
        }
        Ok(())
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

fn check(recipient: &Recipient) -> Result<()> {
    let key = recipient.key();
    if key.is_empty() || key.chars().count() > LONGEST_KEY {
        let told = format!("`{key}` is no key of a recipient: it must have 1 to {LONGEST_KEY} characters");
        return Err(Error::internal(told).code("notification_recipient"));
    }
    Ok(())
}

/// What these have said of the ways that they may say something of.
async fn said<'a>(kind: &Kind, to: &'a [Recipient], tx: &Tx) -> Result<HashMap<(&'a str, Via), bool>> {
    if !Via::ALL.iter().any(|via| kind.is_optional(*via)) {
        return Ok(HashMap::new());
    }
    let keys: HashMap<&str, &'a str> = to.iter().map(|one| (one.key(), one.key())).collect();
    let stored: Vec<(String, Via, bool)> =
        StoredPreference::filter(|it| it.name.eq(kind.name) & it.recipient.is_in(keys.keys().copied()))
            .select(|it| (it.recipient, it.via, it.wanted))
            .all(tx)
            .await?;
    let known = |(key, via, wanted): (String, Via, bool)| Some(((*keys.get(&*key)?, via), wanted));
    Ok(stored.into_iter().filter_map(known).collect())
}

fn row((key, id): (&str, Uuid), name: &str, data: &Value, now: DateTime<Utc>) -> NewStoredNotification {
    NewStoredNotification {
        id,
        recipient: key.to_owned(),
        name: name.to_owned(),
        data: Json(data.clone()),
        created_at: now,
    }
}

/// Where pages of somebody listen.
pub(crate) fn topic(key: &str) -> Topic<Notice> {
    Topic::named(format!("mainstay.notifications/{key}"))
}

impl std::fmt::Debug for Notifications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifications").field("kinds", &self.kinds).finish_non_exhaustive()
    }
}
