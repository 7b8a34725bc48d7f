//! What is behind every door: who takes a mail, and storing it.

use mainstay_core::error::OrNotFound;
use mainstay_core::keys::{Keys, Purpose, sha256};
use mainstay_core::{Inject, Result};
use mainstay_jobs::{Enqueued, Job, JobId, Jobs};

use super::arrival::Arrival;
use super::config::InboundMailConfig;
use super::directory::Directory;
use super::job::{PURPOSE, ReceiveMail};
use super::refusal::Refusal;

/// Takes mails, from whatever door they come: those over HTTP, the command, or one of the application's own.
///
/// ```
/// use mainstay_core::Result;
/// use mainstay_mail::{Arrival, InboundMails};
///
/// /// A message that a program of ours has fetched from a mailbox.
/// async fn fetched(message: Vec<u8>, mails: &InboundMails) -> Result<()> {
///     mails.take(Arrival::new(message).to("support@shop.example")).await?;
///     Ok(())
/// }
/// ```
pub struct InboundMails {
    jobs: Inject<Jobs>,
    directory: Inject<Directory>,
    purpose: Purpose,
    max_size: usize,
}

impl InboundMails {
    pub(super) fn new(
        jobs: Inject<Jobs>,
        directory: Inject<Directory>,
        keys: Inject<Keys>,
        config: Inject<InboundMailConfig>,
    ) -> Self {
        let max_size = usize::try_from(config.max_size).unwrap_or(usize::MAX);
        Self { jobs, directory, purpose: keys.purpose(PURPOSE), max_size }
    }

    /// How large a mail may be, in bytes.
    pub fn max_size(&self) -> usize {
        self.max_size
    }

    /// Takes a mail: when this returns, it is stored, as a [`ReceiveMail`] for each recipient that somebody takes mails of. One that has been
    /// taken in the last three days is not taken again, and its job is not new.
    ///
    /// A message that cannot be read is taken, too: its job is dead with the reason, and it is not lost.
    ///
    /// # Errors
    ///
    /// With a [`Refusal`] as its cause where nobody may bring it again: 422 when it is empty or nobody takes it, 413 when it is too large.
    /// With another cause when it cannot be stored.
    pub async fn take(&self, mut arrival: Arrival) -> Result<Vec<Enqueued>> {
        let size = arrival.raw.len();
        let refusal = match size > self.max_size {
            true => Some(Refusal::TooLarge { size, most: self.max_size }),
            false => arrival.raw.iter().all(u8::is_ascii_whitespace).then_some(Refusal::Empty),
        };
        if let Some(refusal) = refusal {
            tracing::warn!(target: "mainstay::mail", recipients = arrival.recipients.join(", "), reason = %refusal, "a mail is not taken");
            return Err(refusal.into_error());
        }
        // A head may be made to take long.
        let (arrival, digest, are_known) = tokio::task::spawn_blocking(move || {
            let digest = arrival.digest();
            let are_known = arrival.complete();
            (arrival, digest, are_known)
        })
        .await?;
        let Arrival { raw, sender, recipients } = arrival;
        // Each that the servers have named is a delivery of its own. Those of a head are one mail to us, and to others elsewhere.
        let deliveries: Vec<Vec<String>> = match are_known {
            true => recipients.iter().map(|recipient| vec![recipient.clone()]).collect(),
            false => vec![recipients.clone()],
        };
        let (taken, refused): (Vec<_>, Vec<_>) =
            deliveries.into_iter().partition(|recipients| self.directory.find(recipients).is_some());
        for recipients in &refused {
            tracing::warn!(target: "mainstay::mail", recipients = recipients.join(", "), "nobody takes a mail to this address");
        }
        if taken.is_empty() {
            return Err(Refusal::NobodyTakesIt(recipients).into_error());
        }
        let mut stored = Vec::with_capacity(taken.len());
        let mut delivery = Arrival { raw, sender, recipients: Vec::new() };
        for recipients in taken {
            let id = sha256::hex(format!("{digest}\n{}", recipients.join(",").to_lowercase()).as_bytes());
            delivery.recipients = recipients;
            let enqueued = self.jobs.enqueue(ReceiveMail::new(&delivery, id.clone(), &self.purpose)?).await?;
            match enqueued.is_new {
                true => tracing::info!(target: "mainstay::mail", id, job = enqueued.id.0, "a mail was taken"),
                false => {
                    tracing::info!(target: "mainstay::mail", id, job = enqueued.id.0, "a mail has come again")
                }
            }
            stored.push(enqueued);
        }
        Ok(stored)
    }

    /// The message of a [`ReceiveMail`], as it came: to look at one that is dead.
    ///
    /// # Errors
    ///
    /// 404 when there is no such job, or it is of another kind. 500 when it was sealed with a key that is gone.
    pub async fn message(&self, job: JobId) -> Result<Vec<u8>> {
        let stored = self.jobs.get(job).await?.filter(|stored| stored.kind == ReceiveMail::SPEC.name);
        let mail: ReceiveMail = serde_json::from_str(&stored.or_not_found("There is no such mail.")?.args)?;
        Ok(mail.open(&self.purpose)?.raw)
    }
}
