//! What somebody was told.

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use mainstay_bus::pubsub::{Heard, Subscription};
use mainstay_core::{Error, Result};
use mainstay_db::{Executor, Query, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::notification::Notification;
use crate::preferences::{self, Preference};
use crate::recipient::Recipient;
use crate::send::{Notifications, topic};
use crate::tables::StoredNotification;
use crate::{Kind, Via};

/// The notifications of one recipient. From [`Notifications::of`]: it reaches those of nobody else.
#[derive(Debug)]
pub struct Mailbox<'a> {
    notifications: &'a Notifications,
    whose: Recipient,
}

/// A notification, as it is shown. As JSON: `{"id": "019b…", "name": "article.commented", "data": {…}, "read_at": null, "created_at": "…"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notice {
    /// By which it is marked as read. None where it is not stored: it went by [`Via::Broadcast`] alone.
    pub id: Option<Uuid>,
    /// What kind it is: [`Notification::NAME`].
    pub name: String,
    /// The notification itself.
    pub data: Value,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was told.
    pub created_at: DateTime<Utc>,
}

impl Notice {
    /// The notification itself. None where it is another kind.
    ///
    /// # Errors
    ///
    /// When what is stored cannot be read as this type any more.
    pub fn read_as<N: Notification>(&self) -> Result<Option<N>> {
        if self.name != N::NAME {
            return Ok(None);
        }
        N::deserialize(&self.data).map(Some).map_err(|fault| {
            Error::internal(format!("a stored `{}` cannot be read: {fault}", N::NAME))
                .code("notification_unreadable")
        })
    }
}

impl From<StoredNotification> for Notice {
    fn from(row: StoredNotification) -> Self {
        let StoredNotification { id, name, data, read_at, created_at, .. } = row;
        Self { id: Some(id), name, data: data.0, read_at, created_at }
    }
}

/// Which notifications are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// All.
    #[default]
    All,
    /// Those that were not read yet.
    Unread,
}

impl<'a> Mailbox<'a> {
    pub(crate) fn new(notifications: &'a Notifications, whose: Recipient) -> Self {
        Self { notifications, whose }
    }

    fn all(&self) -> Query<StoredNotification> {
        let key = self.whose.key().to_owned();
        StoredNotification::filter(|it| it.recipient.eq(key))
    }

    fn unread(&self) -> Query<StoredNotification> {
        self.all().filter(|it| it.read_at.is_null())
    }

    /// The newest first, at most so many: those before the one with this id, or the newest of all.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn list(&self, show: Show, before: Option<Uuid>, most: u64) -> Result<Vec<Notice>> {
        let mut shown = match show {
            Show::All => self.all(),
            Show::Unread => self.unread(),
        };
        if let Some(before) = before {
            shown = shown.filter(|it| it.id.lt(before));
        }
        let rows = shown.order_by(|it| it.id.desc()).limit(most).all(&self.notifications.db).await?;
        Ok(rows.into_iter().map(Notice::from).collect())
    }

    /// How many were not read yet.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn unread_count(&self) -> Result<u64> {
        self.unread().count(&self.notifications.db).await
    }

    /// Marks one as read. One that was read stays as it is.
    ///
    /// # Errors
    ///
    /// A 404 when they were not told such a thing, or it is there no more.
    pub async fn read(&self, id: Uuid) -> Result<()> {
        let (db, now) = (&self.notifications.db, self.now());
        let marked = self.unread().filter(|it| it.id.eq(id)).update(|it| it.read_at(Some(now)), db).await?;
        if marked == 0 && !self.all().filter(|it| it.id.eq(id)).exists(db).await? {
            return Err(unknown());
        }
        Ok(())
    }

    /// Marks all as read. Returns how many were not.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn read_all(&self) -> Result<u64> {
        let now = self.now();
        self.unread().update(|it| it.read_at(Some(now)), &self.notifications.db).await
    }

    /// Deletes one.
    ///
    /// # Errors
    ///
    /// A 404 when they were not told such a thing, or it is there no more.
    pub async fn delete(&self, id: Uuid) -> Result<()> {
        match self.all().filter(|it| it.id.eq(id)).delete(&self.notifications.db).await? {
            0 => Err(unknown()),
            _ => Ok(()),
        }
    }

    /// Deletes all that they were told, and what they want to be told: when their account goes.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn forget(&self, executor: &impl Executor) -> Result<()> {
        self.all().delete(executor).await?;
        preferences::forget(self.whose.key(), executor).await
    }

    /// Hears from now on what they are told: for a page that is open.
    ///
    /// # Errors
    ///
    /// Those of what carries messages (`pubsub.url`).
    pub async fn live(&self) -> Result<Live> {
        let heard = self.notifications.pubsub.subscribe(&topic(self.whose.key())).await?;
        Ok(Live(heard))
    }

    /// By which ways they are told what, in the order in which the application contributes the kinds.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn preferences(&self) -> Result<Vec<Preference>> {
        preferences::of(&self.notifications.kinds, self.whose.key(), &self.notifications.db).await
    }

    /// Has them told a kind of notification by a way, or no more. It counts for what is told from now on.
    ///
    /// # Errors
    ///
    /// A 404 when there is no such kind, or it does not go that way; 409 when that way cannot be switched off.
    pub async fn prefer(&self, name: &str, via: Via, wanted: bool) -> Result<()> {
        let kind: Option<&Kind> = self.notifications.kind(name);
        let kind = kind.filter(|kind| kind.via.contains(&via));
        let kind = kind.ok_or_else(|| Error::not_found("There is no such notification."))?;
        if !kind.is_optional(via) {
            return Err(
                Error::conflict("This notification cannot be switched off.").code("notification_always")
            );
        }
        preferences::set((self.whose.key(), kind.name), via, wanted, &self.notifications.db).await
    }

    fn now(&self) -> DateTime<Utc> {
        self.notifications.clock.now().into()
    }
}

fn unknown() -> Error {
    Error::not_found("There is no such notification.")
}

/// What somebody is told now, until it is dropped.
#[derive(Debug)]
#[must_use = "it is heard until this is dropped"]
pub struct Live(Subscription<Notice>);

impl Live {
    /// What they are told next. None when something was missed, or nothing will be told any more: what there is to know is in the
    /// [list](Mailbox::list) then.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.0.next().await {
            Some(Heard::Message(notice)) => Some(notice),
            Some(Heard::Missed(_)) | None => None,
        }
    }

    /// The same as a stream, for server-sent events. It ends when something was missed: the browser comes back, and its page asks for the
    /// list when it does.
    pub fn into_stream(self) -> impl Stream<Item = Result<Notice>> + Send {
        stream::unfold(self, async |mut live| Some((Ok(live.next().await?), live)))
    }
}
