//! Notifications: telling somebody that something has happened, by the ways that they prefer.
//!
//! ```
//! use mainstay_core::{App, Inject, Result};
//! use mainstay_db::Db;
//! use mainstay_jobs::{JobsExt, jobs};
//! use mainstay_mail::{DeliverMail, Mail};
//! use mainstay_notifications::{Notification, Notifications, NotificationsExt, Recipient, Via};
//! use serde::{Deserialize, Serialize};
//!
//! /// Somebody has commented on an article of theirs.
//! #[derive(Serialize, Deserialize)]
//! struct Commented {
//!     article: String,
//!     by: String,
//! }
//!
//! impl Notification for Commented {
//!     const NAME: &'static str = "article.commented";
//!     const VIA: &'static [Via] = &[Via::Database, Via::Broadcast, Via::Mail];
//!
//!     fn mail(&self, to: &Recipient) -> Option<Mail> {
//!         let subject = format!("{} has commented on {}", self.by, self.article);
//!         Some(Mail::to(to.address()?).subject(subject).text("Have a look."))
//!     }
//! }
//!
//! fn app() -> App {
//!     App::new().notification::<Commented>().jobs(jobs![DeliverMail])
//! }
//!
//! async fn comment(db: Inject<Db>, notifications: Inject<Notifications>) -> Result<()> {
//!     let author = Recipient::new("user/7").mail("ann@example.org");
//!     db.transaction(async |tx| {
//!         // The comment is written here, and is told of if it is.
//!         let told = Commented { article: "On birds".into(), by: "Bob".into() };
//!         notifications.send(&author, &told, tx).await
//!     })
//!     .await
//! }
//! # let _ = app();
//! ```
//!
//! In reading order:
//!
//! - [`notification`]: [`Notification`], what can be told, and [`Via`], by which ways.
//! - [`recipient`]: [`Recipient`], who is told, and [`Notifiable`], a model that is one.
//! - [`send`]: [`Notifications`], and the telling.
//! - [`mailbox`]: [`Mailbox`], what somebody was told: lists, how many are unread, what comes in now.
//! - [`preferences`]: what somebody wants to be told, and by which way.
//! - `tables`: what is stored. [`module`]: the section `notifications`, the checks, and the service that deletes what is old.

pub mod mailbox;
pub mod module;
pub mod notification;
pub mod preferences;
pub mod recipient;
pub mod send;
mod tables;

pub use mailbox::{Live, Mailbox, Notice};
pub use module::{NotificationsConfig, NotificationsExt};
pub use notification::{Kind, Notification, Via};
pub use preferences::Preference;
pub use recipient::{Notifiable, Recipient};
pub use send::Notifications;
