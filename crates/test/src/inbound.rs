//! Mails that arrive.

use mainstay_jobs::Jobs;
use mainstay_mail::{Arrival, InboundMails, Mail, Mailer};

use crate::app::TestApp;

/// A mail that arrives in a test: a message as it comes, an [`Arrival`] that says whom the servers have named, or a [`Mail`], which is
/// rendered for it.
#[derive(Debug)]
pub enum Incoming {
    /// A message, with what the servers have said.
    Message(Arrival),
    /// One that is written by the test: whoever gets it, be it as a copy, is a recipient.
    Written(Box<Mail>),
}

impl From<&str> for Incoming {
    fn from(message: &str) -> Self {
        Self::Message(message.into())
    }
}

impl From<Vec<u8>> for Incoming {
    fn from(message: Vec<u8>) -> Self {
        Self::Message(message.into())
    }
}

impl From<Arrival> for Incoming {
    fn from(arrival: Arrival) -> Self {
        Self::Message(arrival)
    }
}

impl From<Mail> for Incoming {
    fn from(mail: Mail) -> Self {
        Self::Written(Box::new(mail))
    }
}

impl TestApp {
    /// Has a mail arrive, and the function of the application called that takes it, with all jobs that wait.
    ///
    /// ```
    /// # use mainstay_core::{App, Inject, Result};
    /// # use mainstay_mail::{InboundMail, InboundMailExt, Mail, Mailer};
    /// # use mainstay_test::TestApp;
    /// /// Answers.
    /// async fn support(mail: InboundMail, mailer: Inject<Mailer>) -> Result<()> {
    ///     if let Some(answer) = mail.reply() {
    ///         mailer.send(answer.text("We come back to you.")).await?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = TestApp::start(App::new().inbound_mail("support@*", support)).await;
    /// app.receive_mail("From: ann@example.org\nTo: support@shop.example\nSubject: Help\n\nIt is broken.\n").await;
    ///
    /// app.assert_mail_sent(|mail| mail.subject == "Re: Help").await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// When nobody takes it, when a mail like it has been taken before, and when the function fails or panics, with the reason.
    pub async fn receive_mail(&self, mail: impl Into<Incoming>) {
        let arrival = match mail.into() {
            Incoming::Message(arrival) => arrival,
            Incoming::Written(mail) => self.written(*mail).await,
        };
        let taken = match self.inject::<InboundMails>().await.take(arrival).await {
            Ok(taken) => taken,
            Err(error) => panic!("the mail was not taken: {}", error.report()),
        };
        self.run_jobs().await;
        for enqueued in taken {
            assert!(enqueued.is_new, "a mail like it has been taken before");
            match self.inject::<Jobs>().await.get(enqueued.id).await {
                Ok(Some(job)) if job.error.is_some() => {
                    panic!("the function that takes the mail has failed: {}", job.error.unwrap_or_default())
                }
                Ok(_) => {}
                Err(error) => panic!("{}", error.report()),
            }
        }
    }

    async fn written(&self, mail: Mail) -> Arrival {
        let message = match self.inject::<Mailer>().await.render(mail) {
            Ok(message) => message,
            Err(error) => panic!("the mail cannot be written: {}", error.report()),
        };
        match message.to_eml() {
            Ok(raw) => {
                let arrival = Arrival::new(raw).from(message.from.address());
                message.recipients().fold(arrival, |arrival, mailbox| arrival.to(mailbox.address()))
            }
            Err(fault) => panic!("the mail cannot be written: {fault}"),
        }
    }
}
