//! An event on its way to one subscriber.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::{Db, Tx, Uuid};

use crate::event::Event;
use crate::outbox::StoredDelivery;

/// An event, and what is known of its delivery: what a subscriber takes that wants more than the event.
///
/// ```
/// use mainstay_bus::{Delivery, Event, EventsExt};
/// use mainstay_core::App;
/// use mainstay_db::sql;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event(name = "article.published", key = article)]
/// # struct ArticlePublished { article: i64 }
///
/// let app = App::new().subscribe("count", |delivery: Delivery<ArticlePublished>| async move {
///     delivery
///         .complete(async |tx| {
///             // Counted once, however often the event is delivered.
///             sql("UPDATE totals SET articles = articles + 1").execute(tx).await?;
///             Ok(())
///         })
///         .await
/// });
/// ```
///
/// It stands for the event: `delivery.article`.
pub struct Delivery<E> {
    event: E,
    about: About,
}

/// What is known of a delivery, whatever the event is.
#[derive(Clone)]
pub(crate) struct About {
    pub(crate) row: Arc<StoredDelivery>,
    pub(crate) db: Db,
    pub(crate) completed: Arc<AtomicBool>,
}

impl<E> Delivery<E> {
    pub(crate) fn new(event: E, about: About) -> Self {
        Self { event, about }
    }

    /// The event.
    pub fn into_event(self) -> E {
        self.event
    }

    /// The message: the same for every subscriber and at every delivery, so that others can tell what they have had already.
    pub fn message(&self) -> Uuid {
        self.about.row.message
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        u32::try_from(self.about.row.attempts).unwrap_or_default().saturating_add(1)
    }

    /// When the event was published.
    pub fn published_at(&self) -> DateTime<Utc> {
        self.about.row.published_at
    }

    /// Runs `work` in the transaction that ends the delivery: what it writes happens once, even if the event is delivered again, since
    /// either both are committed or neither is.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of the commit: the delivery is then not ended, and is tried again if the subscriber fails. A conflict when
    /// the delivery has been ended already, by this or by a process that has taken over: nothing is written then.
    pub async fn complete<T>(&self, work: impl AsyncFnOnce(&Tx) -> Result<T>) -> Result<T> {
        let (id, message) = (self.about.row.id, self.about.row.message);
        let done = self
            .about
            .db
            .transaction(async |tx| {
                // First: who comes second waits here for the end of the other.
                let ended =
                    StoredDelivery::filter(|it| it.id.eq(id) & it.message.eq(message)).delete(tx).await?;
                if ended == 0 {
                    return Err(
                        Error::conflict("This delivery has been ended already.").code("delivery_ended")
                    );
                }
                work(tx).await
            })
            .await?;
        self.about.completed.store(true, Ordering::Release);
        Ok(done)
    }
}

impl<E> Deref for Delivery<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.event
    }
}

impl<E> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Delivery");
        shown.field("message", &self.message()).field("attempt", &self.attempt()).finish_non_exhaustive()
    }
}

/// What a subscriber returns that cannot take an event now, and has not failed: it is delivered again after this time, and what has the same
/// key waits for it. It counts as no attempt.
///
/// ```
/// # use std::time::Duration;
/// # use mainstay_core::Result;
/// async fn call(is_resting: bool) -> Result<()> {
///     if is_resting {
///         return Err(mainstay_bus::later(Duration::from_secs(30)));
///     }
///     Ok(())
/// }
/// ```
pub fn later(after: Duration) -> Error {
    Error::internal("it cannot be taken now").code("delivery_later").caused_by(Later(after))
}

/// See [`later`].
#[derive(Debug)]
pub(crate) struct Later(pub(crate) Duration);

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "again after {:?}", self.0)
    }
}

impl std::error::Error for Later {}

/// What a subscriber takes first: an [`Event`], or the [`Delivery`] of one.
#[diagnostic::on_unimplemented(
    message = "a subscriber takes an event first, and `{Self}` is none",
    label = "expected an event, or the `Delivery` of one"
)]
pub trait Receives: Send + 'static {
    /// The event.
    type Event: Event;

    /// Takes it.
    fn of(delivery: Delivery<Self::Event>) -> Self;
}

impl<E: Event> Receives for E {
    type Event = E;

    fn of(delivery: Delivery<E>) -> E {
        delivery.event
    }
}

impl<E: Event> Receives for Delivery<E> {
    type Event = E;

    fn of(delivery: Self) -> Self {
        delivery
    }
}
