//! Between parts of one process: `memory:`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use super::carrier::{Carried, Carrier, Feed};

pub(super) const SCHEME: &str = "memory";

/// The topics to which somebody listens.
type Topics = HashMap<String, Listened>;

struct Listened {
    sender: Sender<Arc<[u8]>>,
    listeners: usize,
}

/// The carrier.
pub(super) struct InMemory {
    topics: Arc<Mutex<Topics>>,
    buffer: usize,
}

impl InMemory {
    pub(super) fn new(buffer: usize) -> Self {
        Self { topics: Arc::default(), buffer: buffer.max(1) }
    }
}

impl Carrier for InMemory {
    fn publish<'a>(&'a self, topic: &'a str, payload: Arc<[u8]>) -> BoxFuture<'a, Result<()>> {
        if let Some(listened) = lock(&self.topics).get(topic) {
            // Nobody may be left by now.
            let _heard = listened.sender.send(payload);
        }
        async { Ok(()) }.boxed()
    }

    fn subscribe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Box<dyn Feed>>> {
        let mut topics = lock(&self.topics);
        let listened = topics
            .entry(topic.to_owned())
            .or_insert_with(|| Listened { sender: Sender::new(self.buffer), listeners: 0 });
        listened.listeners += 1;
        let receiver = listened.sender.subscribe();
        let feed = Listening { topics: Arc::clone(&self.topics), topic: topic.to_owned(), receiver };
        async { Ok(Box::new(feed) as Box<dyn Feed>) }.boxed()
    }
}

struct Listening {
    topics: Arc<Mutex<Topics>>,
    topic: String,
    receiver: Receiver<Arc<[u8]>>,
}

impl Feed for Listening {
    fn next(&mut self) -> BoxFuture<'_, Carried> {
        async {
            match self.receiver.recv().await {
                Ok(payload) => Carried::Message(payload),
                Err(RecvError::Lagged(many)) => Carried::Missed(many),
                Err(RecvError::Closed) => Carried::End,
            }
        }
        .boxed()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut topics = lock(&self.topics);
        if let Some(listened) = topics.get_mut(&self.topic) {
            listened.listeners -= 1;
            if listened.listeners == 0 {
                topics.remove(&self.topic);
            }
        }
    }
}

fn lock(topics: &Mutex<Topics>) -> MutexGuard<'_, Topics> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_nothing_of_topics_to_which_nobody_listens() {
        let carrier = InMemory::new(4);
        let (one, other) =
            (carrier.subscribe("rooms/1").await.unwrap(), carrier.subscribe("rooms/1").await.unwrap());
        carrier.publish("rooms/2", Arc::from(*b"1")).await.unwrap();
        assert_eq!(lock(&carrier.topics).len(), 1);
        drop((one, other));
        assert!(lock(&carrier.topics).is_empty());
    }
}
