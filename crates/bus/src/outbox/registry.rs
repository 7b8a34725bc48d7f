//! Who subscribes to what, of all processes.

use mainstay_core::{Contributions, Inject, Result};
use mainstay_db::{Db, Tx};

use super::lanes::{LANES, lane};
use super::{Lane, NewLane, NewSubscription, Subscription};
use crate::subscriber::Subscriber;

/// Makes the subscribers of this process known to all. It happens before the process serves anybody, so that what it publishes finds
/// them.
pub(crate) async fn register(db: Inject<Db>, contributions: Inject<Contributions>) -> Result<()> {
    for found in contributions.of::<Subscriber>() {
        let subscriber = found.value;
        if known(subscriber, &db.primary()).await? {
            continue;
        }
        db.transaction_retry(async |tx| add(subscriber, tx).await).await?;
    }
    Ok(())
}

async fn known(subscriber: &Subscriber, db: &Db) -> Result<bool> {
    let same = Subscription::filter(|it| it.name.eq(subscriber.name) & it.event.eq(subscriber.event));
    same.exists(db).await
}

async fn add(subscriber: &Subscriber, tx: &Tx) -> Result<()> {
    let new = || NewSubscription { name: subscriber.name.to_owned(), event: subscriber.event.to_owned() };
    let found = || Subscription::filter(|it| it.name.eq(subscriber.name)).for_update();
    let mut row = match found().first(tx).await? {
        Some(row) => row,
        None => {
            new().insert_or_ignore(|it| it.name, tx).await?;
            found().one(tx).await?
        }
    };
    if row.event != subscriber.event {
        let event = subscriber.event.to_owned();
        row.update(|it| it.event(event), tx).await?;
    }
    let subscription = row.id;
    if !Lane::filter(|it| it.subscription.eq(subscription)).exists(tx).await? {
        let lanes = (0..LANES).map(|number| NewLane { subscription }.id(lane(subscription, number)));
        Lane::insert_all(lanes, tx).await?;
    }
    Ok(())
}
