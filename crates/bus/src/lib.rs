//! Messages between parts of an application, and to others: what is written in a transaction is delivered after it.
//!
//! ```
//! use mainstay_bus::{Event, EventsExt, Publish};
//! use mainstay_core::{App, Inject, Result};
//! use mainstay_db::{Db, sql};
//! use serde::{Deserialize, Serialize};
//!
//! /// Somebody has ordered something.
//! #[derive(Event, Serialize, Deserialize)]
//! #[event(name = "order.placed", key = order)]
//! struct OrderPlaced {
//!     order: i64,
//! }
//!
//! async fn order(db: &Db) -> Result<()> {
//!     db.transaction(async |tx| {
//!         sql("INSERT INTO orders (id) VALUES (7)").execute(tx).await?;
//!         OrderPlaced { order: 7 }.publish(tx).await?;
//!         Ok(())
//!     })
//!     .await
//! }
//!
//! fn app() -> App {
//!     App::new().subscribe("confirm", |event: OrderPlaced, db: Inject<Db>| async move {
//!         println!("a mail for order {}", event.order);
//! #       let _ = db;
//!         Ok(())
//!     })
//! }
//! # let _ = app();
//! ```
//!
//! In reading order:
//!
//! 1. [`event`]: what has happened, as a value; publishing it.
//! 2. [`subscriber`]: who gets it; [`delivery`]: what a subscriber may know of a delivery, and ending it in a transaction.
//! 3. [`outbox`]: what is stored between the two. `relay`: what delivers it.
//! 4. [`inbox`]: messages of others, each taken once.
//! 5. [`module`], [`config`]: all of that as a part of an application.
//! 6. `webhooks` (by the feature): telling programs of others by HTTP, and checking what they tell.
//! 7. [`pubsub`]: what is said now, to whoever listens now; nothing of it is stored.

mod age;
pub mod config;
pub mod delivery;
pub mod event;
pub mod inbox;
pub mod module;
pub mod outbox;
pub mod pubsub;
mod relay;
pub mod subscriber;
#[cfg(feature = "webhooks")]
pub mod webhooks;

pub use config::BusConfig;
pub use delivery::{Delivery, Receives, later};
pub use event::{Event, Publish, publish_all};
pub use mainstay_macros::Event;
pub use outbox::Outbox;
pub use pubsub::{PubSub, PubSubExt, Topic};
pub use subscriber::{EventsExt, Subscriber};
#[cfg(feature = "webhooks")]
pub use webhooks::{WebhookEndpoint, WebhookVerifier, Webhooks, WebhooksExt};

/// The macro alone, for a prelude in which another `Event` is.
#[doc(hidden)]
pub mod derive {
    pub use mainstay_macros::Event;
}

/// What the macros call. Not for others.
#[doc(hidden)]
pub mod __private {
    pub use mainstay_core::Result;
    pub use serde_json::Value;
}
