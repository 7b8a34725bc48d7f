//! What carries messages: the contract that every driver fulfils, and how one is chosen.
//!
//! What a driver promises, and the contract suite (`tests/it/pubsub/contract.rs`) checks:
//!
//! - Who has subscribed hears what is published after that, of its topic alone, once, and what one publisher says in its order.
//! - Publishing waits for no subscriber: who is too slow misses the oldest, and is told how many.
//! - A subscription that is dropped costs nothing any more.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_core::driver::{Driver, Opened};
use mainstay_core::{Module, Result};

/// Carries messages to whoever listens now.
pub trait Carrier: Send + Sync + 'static {
    /// Hands a message over. It is ready when the carrier has it, whoever hears it.
    fn publish<'a>(&'a self, topic: &'a str, payload: Arc<[u8]>) -> BoxFuture<'a, Result<()>>;

    /// Listens. Once this is ready, everything that is published is heard.
    fn subscribe<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Box<dyn Feed>>>;
}

/// What comes of a topic.
pub trait Feed: Send + 'static {
    /// What comes next. Dropping the future loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Carried>;
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A message.
    Message(Arc<[u8]>),
    /// So many were missed.
    Missed(u64),
    /// Nothing comes any more.
    End,
}

impl Opened for dyn Carrier {
    fn installs() -> Option<Module> {
        Some(super::module())
    }
}

/// A contribution: a kind of carrier, chosen by how `pubsub.url` begins.
pub type PubSubDriver = Driver<dyn Carrier>;
