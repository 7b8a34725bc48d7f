//! Publish and subscribe: what is said now, to whoever listens now.
//!
//! Nothing is stored: who does not listen misses it, and who is too slow misses what does not fit into its buffer, and is told how much
//! that was. What must not be lost is an [`Event`](crate::Event).
//!
//! - Here: [`Topic`], [`PubSub`] and [`Subscription`], what applications use.
//! - `carrier`: [`Carrier`], the contract of what carries messages, and how one is chosen by `pubsub.url`.
//! - `memory`: the one that is built in: between parts of one process.
//! - `module`: the section `pubsub` and the checks.
//!
//! ```
//! use mainstay_bus::pubsub::{Heard, PubSub, Topic};
//! use mainstay_core::{Inject, Result};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Price {
//!     cents: i64,
//! }
//!
//! const PRICES: Topic<Price> = Topic::new("prices");
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
//! let pubsub = PubSub::in_memory(256);
//! let mut prices = pubsub.subscribe(&PRICES).await?;
//! pubsub.publish(&PRICES, &Price { cents: 120 }).await?;
//! assert_eq!(prices.next().await, Some(Heard::Message(Price { cents: 120 })));
//! # Ok(()) }
//! ```

mod carrier;
mod memory;
mod module;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use mainstay_core::{Error, Result};
use mainstay_db::Tx;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use carrier::{Carried, Carrier, Feed, PubSubDriver};
pub use module::{PubSubConfig, PubSubExt, module};

/// A message is no longer, as it is written.
const LONGEST: usize = 1024 * 1024;

/// What messages are about, and of which type they are. Topics that are made as the program goes are so by [`named`](Topic::named).
pub struct Topic<T> {
    name: Cow<'static, str>,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Topic<T> {
    /// One that the program knows by name.
    pub const fn new(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), of: PhantomData }
    }

    /// One of many: `Topic::named(format!("room/{id}"))`.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Cow::Owned(name.into()), of: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Topic").field(&self.name).finish()
    }
}

/// Says to others what is said, and hears it. Injectable where `.pubsub()` is said; cheap to clone.
#[derive(Clone)]
pub struct PubSub {
    carrier: Arc<dyn Carrier>,
}

impl fmt::Debug for PubSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PubSub").finish_non_exhaustive()
    }
}

impl PubSub {
    /// Over this carrier.
    pub fn over(carrier: Arc<dyn Carrier>) -> Self {
        Self { carrier }
    }

    /// In this process alone. A subscription that is behind by more than `buffer` messages misses the oldest.
    pub fn in_memory(buffer: usize) -> Self {
        Self::over(Arc::new(memory::InMemory::new(buffer)))
    }

    /// Says it to whoever listens. Nobody may.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON, or has more than a megabyte, and those of the carrier.
    pub async fn publish<T: Serialize>(&self, topic: &Topic<T>, message: &T) -> Result<()> {
        self.carrier.publish(topic.name(), written(message)?).await
    }

    /// Says it after the transaction is committed. What is rolled back is not said. The process may die before it is said.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), but for those of the carrier, which are logged.
    pub fn publish_after<T: Serialize>(&self, topic: &Topic<T>, message: &T, tx: &Tx) -> Result<()> {
        let (carrier, name, payload) =
            (Arc::clone(&self.carrier), topic.name().to_owned(), written(message)?);
        tx.after_commit(async move { carrier.publish(&name, payload).await });
        Ok(())
    }

    /// Hears from now on what is said.
    ///
    /// # Errors
    ///
    /// Those of the carrier.
    pub async fn subscribe<T: DeserializeOwned>(&self, topic: &Topic<T>) -> Result<Subscription<T>> {
        let feed = self.carrier.subscribe(topic.name()).await?;
        Ok(Subscription { topic: topic.name().to_owned(), feed, of: PhantomData })
    }
}

fn written(message: &impl Serialize) -> Result<Arc<[u8]>> {
    let text = serde_json::to_vec(message)?;
    if text.len() > LONGEST {
        let told =
            format!("a message of {} bytes is more than the {LONGEST} that may be published", text.len());
        return Err(Error::internal(told).code("message_too_large"));
    }
    Ok(text.into())
}

/// Hears one topic, until it is dropped.
#[must_use = "what is said is heard until this is dropped"]
pub struct Subscription<T> {
    topic: String,
    feed: Box<dyn Feed>,
    of: PhantomData<fn() -> T>,
}

/// What a subscription has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<T> {
    /// What somebody has said.
    Message(T),
    /// So many messages were missed, because this subscription was too slow, or because they were lost on their way. What was to be known by
    /// them has to be looked up.
    Missed(u64),
}

impl<T: DeserializeOwned> Subscription<T> {
    /// What is said next; `None` when nothing will be any more. A wait that is given up has lost nothing.
    pub async fn next(&mut self) -> Option<Heard<T>> {
        match self.feed.next().await {
            Carried::Message(payload) => match serde_json::from_slice(&payload) {
                Ok(message) => Some(Heard::Message(message)),
                Err(fault) => {
                    tracing::warn!(target: "mainstay::bus", topic = self.topic, error = %fault, "a message is of another type than its topic, and is passed over");
                    Some(Heard::Missed(1))
                }
            },
            Carried::Missed(many) => Some(Heard::Missed(many)),
            Carried::End => None,
        }
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", &self.topic).finish_non_exhaustive()
    }
}
