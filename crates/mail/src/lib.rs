//! Mails: written by an application, rendered from templates in text and HTML, and handed to a transport.
//!
//! ```no_run
//! use mainstay_core::{Inject, Result};
//! use mainstay_http::post;
//! use mainstay_mail::{Mail, Mailer};
//! use mainstay_view::context;
//!
//! /// Welcomes somebody.
//! #[post("/welcome")]
//! async fn welcome(mailer: Inject<Mailer>) -> Result<()> {
//!     mailer.send(Mail::to("ann@example.org").subject("Welcome").text("Good to have you.")).await?;
//!     mailer.send(Mail::to(("Ann", "ann@example.org")).view("mails/welcome", context! { name => "Ann" })).await
//! }
//! ```
//!
//! A mail goes three steps, and each can be had alone: [`Mail`] is what somebody writes, [`Mailer::render`] makes a [`Message`] of it, a
//! value that can be stored and is complete, and [`Mailer::deliver`] hands that to the [`Transport`] of `mail.url`.
//!
//! In reading order:
//!
//! - [`mail`]: [`Mail`], to whom, about what, from which view.
//! - [`address`]: [`Mailbox`], a name and an address that can be sent to; why one is none.
//! - [`attachment`]: [`Attachment`], a file that comes with it.
//! - [`message`]: [`Message`], and `eml`: how it looks on the wire.
//! - [`mailer`]: [`Mailer`], and `scene`: what the views of mails see, absolute links among it.
//! - `css`: puts the rules of a page into its elements.
//! - [`transport`]: the contract of transports, and how one is chosen; `memory`, `file`, [`smtp`].
//! - [`error`]: [`MailError`], by which a job knows whether to try again.
//! - `later`: `DeliverMail`, the job that delivers (feature `jobs`).
//! - `inbound`: mails that arrive (feature `inbound`).
//! - `preview`: the pages below `/_mainstay/mails`, in development.
//! - [`config`] and [`module`]: the section `mail`, [`MailExt`], checks.

extern crate self as mainstay_mail;

pub mod address;
pub mod attachment;
pub mod config;
mod css;
mod eml;
pub mod error;
mod file;
#[cfg(feature = "inbound")]
pub mod inbound;
#[cfg(feature = "jobs")]
mod later;
pub mod mail;
pub mod mailer;
mod memory;
pub mod message;
pub mod module;
mod preview;
mod scene;
#[cfg(feature = "jobs")]
mod sealed;
pub mod smtp;
pub mod transport;

pub use address::{Addressee, Mailbox};
pub use attachment::Attachment;
pub use config::MailConfig;
pub use error::MailError;
#[cfg(feature = "inbound")]
pub use inbound::{
    Arrival, Correspondent, InboundAttachment, InboundMail, InboundMailConfig, InboundMailExt, InboundMails,
    ReceiveMail,
};
#[cfg(feature = "jobs")]
pub use later::DeliverMail;
pub use mail::Mail;
pub use mailer::Mailer;
pub use message::Message;
pub use module::MailExt;
pub use transport::{MailDriver, Transport};
