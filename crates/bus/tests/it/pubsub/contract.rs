//! What every carrier promises.

use std::collections::HashSet;

use mainstay_bus::pubsub::{Heard, PubSub, Subscription, Topic};

use super::heard;

/// Whether it keeps the contract. Its subscriptions have room for so many messages.
pub(super) async fn keeps(pubsub: &PubSub, buffer: usize) {
    says_to_all_who_listen_and_to_nobody_else(pubsub).await;
    keeps_the_order_of_a_publisher(pubsub).await;
    waits_for_nobody_and_tells_what_was_missed(pubsub, buffer).await;
    loses_nothing_when_a_wait_is_given_up(pubsub).await;
}

fn topic(name: &str) -> Topic<i64> {
    Topic::named(format!("contract/{name}"))
}

async fn next(subscription: &mut Subscription<i64>) -> i64 {
    match heard(subscription).await {
        Some(Heard::Message(number)) => number,
        other => panic!("expected a message, and heard {other:?}"),
    }
}

async fn says_to_all_who_listen_and_to_nobody_else(pubsub: &PubSub) {
    let (here, there) = (topic("here"), topic("there"));
    pubsub.publish(&here, &1).await.unwrap();
    let mut one = pubsub.subscribe(&here).await.unwrap();
    let mut two = pubsub.subscribe(&here).await.unwrap();
    let mut other = pubsub.subscribe(&there).await.unwrap();
    pubsub.publish(&here, &2).await.unwrap();
    assert_eq!((next(&mut one).await, next(&mut two).await), (2, 2));
    drop(two);
    pubsub.publish(&here, &3).await.unwrap();
    assert_eq!(next(&mut one).await, 3);
    assert_eq!((heard(&mut one).await, heard(&mut other).await), (None, None));
}

async fn keeps_the_order_of_a_publisher(pubsub: &PubSub) {
    let topic = topic("order");
    let mut subscription = pubsub.subscribe(&topic).await.unwrap();
    for number in 0..10 {
        pubsub.publish(&topic, &number).await.unwrap();
    }
    for number in 0..10 {
        assert_eq!(next(&mut subscription).await, number);
    }
}

async fn waits_for_nobody_and_tells_what_was_missed(pubsub: &PubSub, buffer: usize) {
    let topic = topic("slow");
    let mut slow = pubsub.subscribe(&topic).await.unwrap();
    let all = buffer as i64 * 4;
    for number in 0..all {
        pubsub.publish(&topic, &number).await.unwrap();
    }
    let (mut missed, mut got) = (0, HashSet::new());
    while let Some(news) = heard(&mut slow).await {
        match news {
            Heard::Missed(many) => missed += many,
            Heard::Message(number) => assert!(got.insert(number)),
        }
    }
    assert!(missed > 0 && got.contains(&(all - 1)), "what is missed is the oldest");
    assert_eq!(missed + got.len() as u64, all as u64);
}

async fn loses_nothing_when_a_wait_is_given_up(pubsub: &PubSub) {
    let topic = topic("given up");
    let mut subscription = pubsub.subscribe(&topic).await.unwrap();
    assert_eq!(heard(&mut subscription).await, None);
    pubsub.publish(&topic, &1).await.unwrap();
    assert_eq!(next(&mut subscription).await, 1);
}
