//! What a committed transaction tells to whoever waits for it.

use std::time::Duration;

use mainstay_core::{Error, Result};
use mainstay_db::{Db, Dialect, Executor, Signals};
use tokio::time::timeout;

use super::{Engine, blog, suite};
use crate::blog::{NewTag, Tag};
use crate::clinic;

suite!(
    wakes_who_waits,
    many_signals_are_one,
    hears_what_was_said_before_it_waits,
    hears_its_own_topic_alone,
    a_transaction_tells_when_others_can_see_it,
    what_is_rolled_back_says_nothing,
    a_nested_transaction_tells_with_the_outermost,
    tells_although_nobody_waits_for_the_commit,
    an_executor_tells_at_once_or_with_its_transaction,
    a_handle_with_other_keys_has_the_same_signals,
);

/// Whether there is a signal within a moment.
pub(crate) async fn heard(signals: &mut Signals) -> bool {
    timeout(Duration::from_secs(5), signals.next()).await.is_ok()
}

pub(crate) async fn silent(signals: &mut Signals) -> bool {
    timeout(Duration::from_millis(100), signals.next()).await.is_err()
}

/// Signals of a topic, from when the line to others is there, on a server that has one: who waits is told of that, too.
pub(crate) async fn settled(db: &Db, topic: &str) -> Signals {
    let mut signals = db.signals(topic);
    if db.dialect() == Dialect::Postgres {
        while !signals.hears_others() {
            assert!(heard(&mut signals).await);
        }
        while !silent(&mut signals).await {}
    }
    signals
}

async fn wakes_who_waits(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    let waiting = tokio::spawn(async move { signals.next().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    db.signal("tags");
    timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap();
}

async fn many_signals_are_one(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    for _ in 0..1_000 {
        db.signal("tags");
    }
    assert!(heard(&mut signals).await);
    assert!(silent(&mut signals).await);
}

async fn hears_what_was_said_before_it_waits(engine: Engine) {
    let db = blog(engine).await;
    db.signal("tags");
    let (mut one, mut other) = (settled(&db, "tags").await, settled(&db, "tags").await);
    db.signal("tags");
    // A wait that is given up takes nothing with it.
    drop(one.next());
    assert!(heard(&mut one).await && heard(&mut other).await);
    drop(one);
    db.signal("tags");
    assert!(heard(&mut other).await);
}

async fn hears_its_own_topic_alone(engine: Engine) {
    let db = blog(engine).await;
    let (mut tags, mut users) = (settled(&db, "tags").await, settled(&db, "users").await);
    db.signal("users");
    assert!(heard(&mut users).await);
    assert!(silent(&mut tags).await);
}

async fn add(name: &str, db: &impl Executor) -> Result<Tag> {
    NewTag { name: name.into() }.insert(db).await
}

async fn a_transaction_tells_when_others_can_see_it(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    let seen = tokio::spawn({
        let db = db.clone();
        async move {
            signals.next().await;
            Tag::query().count(&db).await.unwrap()
        }
    });
    db.transaction(async |tx| {
        tx.signal("tags");
        add("one", tx).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!seen.is_finished(), "it is told before the commit");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(timeout(Duration::from_secs(5), seen).await.unwrap().unwrap(), 1);
}

async fn what_is_rolled_back_says_nothing(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    let failed: Result<()> = db
        .transaction(async |tx| {
            tx.signal("tags");
            Err(Error::conflict("no"))
        })
        .await;
    failed.unwrap_err();
    let tx = db.begin().await.unwrap();
    tx.signal("tags");
    tx.rollback().await.unwrap();
    let tx = db.begin().await.unwrap();
    tx.signal("tags");
    drop(tx);
    db.transaction(async |tx| {
        let inner: Result<()> = tx
            .transaction(async |tx| {
                tx.signal("tags");
                Err(Error::conflict("no"))
            })
            .await;
        inner.unwrap_err();
        add("one", tx).await
    })
    .await
    .unwrap();
    assert!(silent(&mut signals).await);
}

async fn a_nested_transaction_tells_with_the_outermost(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    db.transaction(async |tx| {
        tx.transaction(async |tx| {
            tx.signal("tags");
            Ok(())
        })
        .await?;
        assert!(silent(&mut signals).await);
        // What was said by the outer stays when the inner says it again and fails.
        tx.signal("users");
        let inner: Result<()> = tx
            .transaction(async |tx| {
                tx.signal("users");
                Err(Error::conflict("no"))
            })
            .await;
        inner.unwrap_err();
        Ok(())
    })
    .await
    .unwrap();
    assert!(heard(&mut signals).await);
}

async fn tells_although_nobody_waits_for_the_commit(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    let tx = db.begin().await.unwrap();
    add("one", &tx).await.unwrap();
    tx.signal("tags");
    // Looked at once, and given up.
    let _given_up = timeout(Duration::ZERO, tx.commit()).await;
    assert!(heard(&mut signals).await);
    assert_eq!(Tag::query().count(&db).await.unwrap(), 1);
}

async fn an_executor_tells_at_once_or_with_its_transaction(engine: Engine) {
    async fn tell(executor: &impl Executor) {
        executor.target().signal("tags");
    }
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    tell(&db).await;
    assert!(heard(&mut signals).await);
    let tx = db.begin().await.unwrap();
    tell(&tx).await;
    assert!(silent(&mut signals).await);
    tx.commit().await.unwrap();
    assert!(heard(&mut signals).await);
}

async fn a_handle_with_other_keys_has_the_same_signals(engine: Engine) {
    let db = blog(engine).await;
    let mut signals = settled(&db, "tags").await;
    let keys = clinic::keys("another secret, of the length that is asked", &[]);
    db.with_keys(&keys).signal("tags");
    db.primary().signal("tags");
    assert!(heard(&mut signals).await);
}
