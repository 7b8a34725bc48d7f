//! Mails that arrive: handed to functions of the application, by the address that they were sent to.
//!
//! ```
//! use mainstay_core::{App, Result};
//! use mainstay_mail::{InboundMail, InboundMailExt};
//!
//! /// Takes what is sent to `support`, at any domain of ours.
//! async fn support(mail: InboundMail) -> Result<()> {
//!     tracing::info!(subject = mail.subject, "somebody asks");
//!     Ok(())
//! }
//!
//! let app = App::new().inbound_mail("support@*", support);
//! ```
//!
//! A mail comes in by one of the doors, is stored as a job before whoever brought it hears yes, and is read when the job runs. In reading
//! order:
//!
//! - `arrival`: [`Arrival`], a message as it comes, and who it is for.
//! - `ingress`: the doors over HTTP; `proof`: how whoever comes shows that they may. `command`: the door `mail receive`.
//! - `mails`: [`InboundMails`], behind every door: who takes it, and storing it. [`Refusal`]: why it was not taken.
//! - `job`: [`ReceiveMail`], the job that hands it to the function.
//! - `pattern` and `directory`: which function takes which address.
//! - `parse`: from bytes to an [`InboundMail`], whose parts are in `mail`; `robots`: whether a person has written it, and the answer.
//! - [`config`] and `module`: the section `inbound_mail`, [`InboundMailExt`], checks.

mod arrival;
mod command;
pub mod config;
mod directory;
mod ingress;
mod job;
mod mail;
mod mails;
mod module;
mod parse;
mod pattern;
mod proof;
mod refusal;
mod robots;

pub use arrival::Arrival;
pub use config::InboundMailConfig;
pub use directory::{InboundMailExt, InboundRoute};
pub use job::ReceiveMail;
pub use mail::{Correspondent, InboundAttachment, InboundMail};
pub use mails::InboundMails;
pub use refusal::Refusal;
