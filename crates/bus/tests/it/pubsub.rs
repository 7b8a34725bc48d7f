//! Publish and subscribe.

mod contract;

use std::time::Duration;

use mainstay_bus::pubsub::{Heard, PubSub, PubSubExt, Subscription, Topic};
use mainstay_core::config::Sources;
use mainstay_core::{App, Error, Result};
use mainstay_db::Db;
use mainstay_test::TestApp;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

const NUMBERS: Topic<i64> = Topic::new("numbers");

async fn heard<T: DeserializeOwned>(subscription: &mut Subscription<T>) -> Option<Heard<T>> {
    timeout(Duration::from_millis(200), subscription.next()).await.unwrap_or(None)
}

#[tokio::test]
async fn the_one_in_memory_keeps_the_contract() {
    let app = TestApp::of(App::new().pubsub()).set("pubsub.buffer", "16").start().await;
    contract::keeps(&*app.inject::<PubSub>().await, 16).await;
    app.stop().await;
}

#[tokio::test]
async fn says_after_the_commit_what_was_not_rolled_back() -> Result<()> {
    let (db, pubsub) = (Db::open("sqlite::memory:").await?, PubSub::in_memory(8));
    let mut numbers = pubsub.subscribe(&NUMBERS).await?;
    db.transaction(async |tx| {
        pubsub.publish_after(&NUMBERS, &1, tx)?;
        assert_eq!(heard(&mut numbers).await, None);
        Ok(())
    })
    .await?;
    assert_eq!(heard(&mut numbers).await, Some(Heard::Message(1)));
    let failed: Result<()> = db
        .transaction(async |tx| {
            pubsub.publish_after(&NUMBERS, &2, tx)?;
            Err(Error::conflict("no"))
        })
        .await;
    failed.unwrap_err();
    assert_eq!(heard(&mut numbers).await, None);
    Ok(())
}

#[tokio::test]
async fn a_message_of_another_type_or_size_harms_nobody() -> Result<()> {
    let pubsub = PubSub::in_memory(8);
    let (texts, text) = (Topic::<String>::named("numbers"), "x".repeat(2_000_000));
    let mut numbers = pubsub.subscribe(&NUMBERS).await?;
    pubsub.publish(&texts, &"seven".to_owned()).await?;
    pubsub.publish(&NUMBERS, &7).await?;
    assert_eq!(pubsub.publish(&texts, &text).await.unwrap_err().machine_code(), "message_too_large");
    assert_eq!(heard(&mut numbers).await, Some(Heard::Missed(1)));
    assert_eq!(heard(&mut numbers).await, Some(Heard::Message(7)));
    Ok(())
}

#[test]
fn an_address_that_nothing_carries_for_is_found() {
    let assembly = App::new().pubsub().set("pubsub.url", "memry:").assemble(Sources::isolated());
    let found: Vec<_> = assembly.findings().iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|text| text.contains("bus.E004") && text.contains("memory")), "{found:?}");
}
