//! The job that hands a mail to the function that takes it.

use std::fmt;

use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::{Inject, Resolver, Result};
use mainstay_jobs::{Job, give_up};
use serde::{Deserialize, Serialize};

use super::arrival::Arrival;
use super::directory::Directory;
use super::parse;
use crate::sealed;

/// What mails are sealed for.
pub(super) const PURPOSE: &str = "inbound mail";

/// The job that hands a mail to the function that takes it. Nobody enqueues it but [`InboundMails::take`](super::InboundMails::take).
///
/// It is in the queue `mails`. A function that fails or panics is called again, up to 20 times in two and a half days, and then the job is dead,
/// with the reason. A message that cannot be read, or that nobody takes any more, is dead at once. What is dead is kept.
///
/// The mail is sealed in it: whoever reads the database reads no mail.
#[derive(Clone, Serialize, Deserialize, Job)]
#[job(name = "mainstay/receive_mail", queue = "mails", unique = "3d", unique_by(id), keep = "1h")]
pub struct ReceiveMail {
    /// By what the mail is known when it comes again: a digest of its name, of what it says, and of its recipients.
    pub id: String,
    /// The mail, with what the servers have said of it.
    sealed: String,
}

impl ReceiveMail {
    pub(super) fn new(arrival: &Arrival, id: String, purpose: &Purpose) -> Result<Self> {
        Ok(Self { id, sealed: purpose.seal(&arrival.write()?, None) })
    }

    async fn run(self, directory: Inject<Directory>, keys: Inject<Keys>, resolver: Resolver) -> Result<()> {
        let Arrival { raw, sender, recipients } = self.open(&keys.purpose(PURPOSE))?;
        // Megabytes of it are the work of a thread that may be kept busy.
        let read = tokio::task::spawn_blocking(move || parse::read(&raw)).await?;
        let mut mail =
            read.map_err(|fault| give_up(format!("the mail {} cannot be read: {fault}", self.id)))?;
        let Some(taker) = directory.find(&recipients) else {
            return Err(give_up(format!("nobody takes the mail {} any more", self.id)));
        };
        mail.recipient.clone_from(&taker.recipient);
        mail.stars.clone_from(&taker.stars);
        mail.sender = sender;
        tracing::debug!(target: "mainstay::mail", id = self.id, pattern = taker.pattern(), "a mail is handed over");
        taker.call(mail, &resolver).await
    }

    pub(super) fn open(&self, purpose: &Purpose) -> Result<Arrival> {
        let opened = sealed::open(&self.sealed, purpose, &format!("the mail {}", self.id))?;
        Arrival::read(&opened)
            .map_err(|fault| give_up(format!("the mail {} cannot be read: {fault}", self.id)))
    }
}

/// Without what it says.
impl fmt::Debug for ReceiveMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveMail").field("id", &self.id).finish_non_exhaustive()
    }
}
