//! Mails that a job delivers.
//!
//! What a mail says is settled when it is written, so it is rendered there, and the job has the whole of it. It may have a link that lets
//! somebody in: so it is sealed, and whoever reads the database, or a copy of it, reads no mail.

use std::fmt;

use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::{Contributions, Error, Inject, Resolver, Result};
use mainstay_jobs::{Draft, Job, JobContext, Jobs, OnError, Registration, give_up};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::config::MailConfig;
use crate::error::{MailError, Refused};
use crate::mail::Mail;
use crate::mailer::Mailer;
use crate::message::Message;
use crate::sealed;
use crate::smtp::CLOSING;

/// What the messages of jobs are sealed for.
const PURPOSE: &str = "mail of a job";
/// The largest mail that a job takes, in bytes of what it says and of its files. It is stored as text twice over, which makes 1.8 bytes
/// of one, and a server of MySQL takes 16 MiB in one statement unless it is told otherwise.
const LARGEST: usize = 4 << 20;

/// The job that delivers a mail: `.jobs(jobs![DeliverMail])` lets an application have mails delivered by it. Made by [`Mailer::later`].
///
/// A mail with several recipients, of whom the server does not take one, goes on as a job for each.
///
/// It is in the queue `mails`, and tried up to 20 times in two and a half days: after a refusal that is not for good, or without a server
/// that answers and lets us in. What a server refuses for good is dead at once, with its words.
#[derive(Clone, Serialize, Deserialize, Job)]
#[job(name = "mainstay/deliver_mail", queue = "mails", keep = "1h", on_error = becomes)]
pub struct DeliverMail {
    /// The [id](Message::id) of the message, by which it is found in logs.
    pub id: String,
    /// The message.
    sealed: String,
}

impl DeliverMail {
    async fn run(self, job: JobContext, mailer: Inject<Mailer>, keys: Inject<Keys>) -> Result<()> {
        let message = self.open(&keys.purpose(PURPOSE))?;
        let Some(later) = &mailer.later else {
            return Err(Error::internal("this application has no job `DeliverMail`"));
        };
        // As many as there are connections. Others wait here, where no time-out of theirs begins.
        let _slot = later.slots.acquire().await?;
        match mailer.deliver(&message).await {
            Err(error) if is_refused_to_one(&error) && message.recipients().nth(1).is_some() => {
                later.each_alone(&message, &job).await
            }
            delivered => delivered,
        }
    }

    fn open(&self, purpose: &Purpose) -> Result<Message> {
        let opened = sealed::open(&self.sealed, purpose, &format!("mail {}", self.id))?;
        serde_json::from_slice(&opened)
            .map_err(|fault| give_up(format!("mail {} cannot be read: {fault}", self.id)))
    }
}

/// Whether it is one of the recipients whom the server does not take, now or for good. Nobody has got the mail then.
fn is_refused_to_one(error: &Error) -> bool {
    // A server that closes the connection takes nothing now, whoever it is for.
    matches!(
        error.source_as::<MailError>(),
        Some(MailError::Refused { what: Refused::Recipient(_), code, .. }) if *code != CLOSING
    )
}

/// What becomes of a mail that was not delivered.
fn becomes(error: &Error, _attempt: u32) -> OnError {
    match error.source_as::<MailError>() {
        Some(fault) if !fault.may_be_mended() => OnError::Die,
        _ => OnError::Retry,
    }
}

/// Without what it says.
impl fmt::Debug for DeliverMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliverMail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a mailer has where mails are delivered by jobs.
pub(crate) struct Later {
    jobs: Inject<Jobs>,
    purpose: Purpose,
    slots: Semaphore,
}

impl Later {
    /// None where the application does not have the job.
    pub(crate) async fn of(
        contributions: &Contributions,
        config: &MailConfig,
        resolver: &Resolver,
    ) -> Result<Option<Self>> {
        let mut kinds = contributions.of::<Registration>();
        if !kinds.any(|kind| kind.value.kind() == DeliverMail::SPEC.name) {
            return Ok(None);
        }
        let purpose = resolver.get::<Keys>().await?.purpose(PURPOSE);
        let slots = Semaphore::new(config.max_connections);
        Ok(Some(Self { jobs: resolver.get().await?, purpose, slots }))
    }

    fn job(&self, message: &Message) -> Result<DeliverMail> {
        message
            .check_size(LARGEST, "the limit of a mail that a job delivers")
            .map_err(MailError::into_error)?;
        let sealed = self.purpose.seal(&serde_json::to_vec(message)?, None);
        Ok(DeliverMail { id: message.id.clone(), sealed })
    }

    /// Has each of its recipients sent a mail by a job of their own, in the place of this one: who is refused keeps nobody else from it.
    async fn each_alone(&self, message: &Message, job: &JobContext) -> Result<()> {
        job.complete(async |tx| {
            // One after the other: each holds the whole mail.
            for one in message.recipients() {
                self.job(&Message { only: Some(one.clone()), ..message.clone() })?.enqueue(tx).await?;
            }
            Ok(())
        })
        .await
    }

    /// Enqueues it in no transaction.
    pub(crate) async fn enqueue(&self, message: &Message) -> Result<()> {
        self.jobs.enqueue(self.job(message)?).await?;
        Ok(())
    }
}

impl Mailer {
    /// Renders a mail, and makes the job of it that delivers it. Enqueued in a transaction, it is sent when that is committed, and never
    /// otherwise; it is tried again until it arrives.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use mainstay_core::{App, Result};
    /// use mainstay_db::{Db, Tx};
    /// use mainstay_jobs::{JobsExt, jobs};
    /// use mainstay_mail::{DeliverMail, Mail, MailExt, Mailer};
    ///
    /// fn app() -> App {
    ///     App::new().mail().jobs(jobs![DeliverMail])
    /// }
    ///
    /// async fn order(mailer: &Mailer, db: &Db) -> Result<()> {
    ///     db.transaction(async |tx: &Tx| {
    ///         // What is written here, and the mails, are there together or not at all.
    ///         let thanks = Mail::to("ann@example.org").subject("Your order").text("Thank you.");
    ///         mailer.later(thanks)?.enqueue(tx).await?;
    ///
    ///         let question = Mail::to("ann@example.org").subject("Your order").text("How do you like it?");
    ///         mailer.later(question)?.delay(Duration::from_secs(7 * 24 * 60 * 60)).enqueue(tx).await?;
    ///         Ok(())
    ///     })
    ///     .await
    /// }
    /// ```
    ///
    /// Delivery is **at least once**: a process that is killed after the server has taken a mail, and before that is written, sends it
    /// again, under the same `Message-ID`.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render); 422 when the mail is larger than 4 MiB; 500 when the application does not have the job.
    pub fn later(&self, mail: Mail) -> Result<Draft<DeliverMail>> {
        let Some(later) = &self.later else {
            return Err(Error::internal(
                "mails are delivered by jobs where the application has the job for it: `.jobs(jobs![DeliverMail])`",
            ));
        };
        Ok(Draft::new(later.job(&self.render(mail)?)?))
    }
}
