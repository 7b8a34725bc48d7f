//! The outbox: events that were published and not delivered yet, in tables of the application's database.
//!
//! - `tables`: what is stored. An event is a row of `mainstay_outbox`, written in the transaction that it belongs to.
//! - `publish`: writing it.
//! - `routing`: once it is committed, it becomes a row of `mainstay_deliveries` for each subscriber. Rows are found because they are
//!   there, and never by a number above which everything is new: a transaction that was open for long, and is committed late, has its
//!   rows found like any other.
//! - `registry`: who subscribes to what, of all processes, so that an older one that routes knows those of a newer one.
//! - `lanes`: the deliveries of a subscriber are in so many lanes, by their keys. A process works on a lane as long as it has its lease.
//! - `command`: `outbox list`, `outbox retry`, `outbox forget`.
//!
//! What delivers is the [`relay`](crate::relay).

mod command;
pub(crate) mod lanes;
mod publish;
pub(crate) mod registry;
pub(crate) mod routing;
mod tables;

use std::time::Duration;

use mainstay_core::{Error, Inject, Result};
use mainstay_db::{Db, Query};
use tokio::time::{Instant, sleep};

pub(crate) use command::command;
pub(crate) use publish::publish;
pub use tables::{DeliveryState, StoredDelivery};
pub(crate) use tables::{
    Lane, NewLane, NewOutboxMessage, NewStoredDelivery, NewSubscription, OutboxMessage, Subscription,
};

/// Signalled when something was published.
pub(crate) const PUBLISHED: &str = "mainstay.outbox";
/// Signalled when there is something to deliver.
pub(crate) const DELIVERIES: &str = "mainstay.deliveries";

/// What is on its way, and what is dead. Injectable.
pub struct Outbox {
    db: Db,
}

impl Outbox {
    pub(crate) fn new(db: Inject<Db>) -> Self {
        Self { db: db.primary() }
    }

    /// How many events nobody has looked at yet, and how many deliveries wait or are under way.
    pub async fn waiting(&self) -> Result<u64> {
        let published = OutboxMessage::query().count(&self.db).await?;
        let waiting =
            StoredDelivery::filter(|it| it.state.eq(DeliveryState::Waiting)).count(&self.db).await?;
        Ok(published + waiting)
    }

    /// The deliveries that failed too often, the oldest first, at most so many.
    pub async fn dead(&self, which: Which<'_>, most: u64) -> Result<Vec<StoredDelivery>> {
        which.dead().order_by(|it| it.id).limit(most).all(&self.db).await
    }

    /// Has dead deliveries tried again, as if they were new: one, or all of a subscriber. Returns how many.
    ///
    /// Those of one key are tried in their order, among themselves and before what comes later.
    pub async fn retry(&self, which: Which<'_>) -> Result<u64> {
        let anew =
            which.dead().update(|it| it.state(DeliveryState::Waiting).attempts(0).due_at(None), &self.db);
        let many = anew.await?;
        self.db.signal(DELIVERIES);
        Ok(many)
    }

    /// Forgets a subscriber that is in the program no more: it gets no more events, and what waits for it is deleted. Returns how much
    /// that was.
    ///
    /// # Errors
    ///
    /// A 404 when there is none of that name.
    pub async fn forget(&self, subscriber: &str) -> Result<u64> {
        self.db
            .transaction_retry(async |tx| {
                let found = Subscription::filter(|it| it.name.eq(subscriber)).for_update().first(tx).await?;
                let found = found
                    .ok_or_else(|| Error::not_found(format!("There is no subscriber `{subscriber}`.")))?;
                let id = found.id;
                let deleted = StoredDelivery::filter(|it| it.subscriber.eq(subscriber)).delete(tx).await?;
                Lane::filter(|it| it.subscription.eq(id)).delete(tx).await?;
                found.delete(tx).await?;
                Ok(deleted)
            })
            .await
    }

    /// Waits until nothing is waiting or under way: for tests, and before a database is moved. What has to be tried again later, and what
    /// nobody subscribes to, is waited for, too.
    ///
    /// # Errors
    ///
    /// When it takes longer than `limit`.
    pub async fn settled(&self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            let waiting = self.waiting().await?;
            if waiting == 0 {
                return Ok(());
            }
            if began.elapsed() > limit {
                return Err(Error::internal(format!("{waiting} events were not delivered within {limit:?}")));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Which dead deliveries are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with this id.
    One(i64),
    /// Those of a subscriber.
    Subscriber(&'a str),
    /// All.
    All,
}

impl Which<'_> {
    fn dead(self) -> Query<StoredDelivery> {
        let dead = StoredDelivery::filter(|it| it.state.eq(DeliveryState::Dead));
        match self {
            Self::One(id) => dead.filter(|it| it.id.eq(id)),
            Self::Subscriber(name) => dead.filter(|it| it.subscriber.eq(name)),
            Self::All => dead,
        }
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
