//! The mails that were sent, and what is claimed of them.

use std::fmt::Write as _;

use mainstay_mail::{Mailer, Message};

use crate::app::TestApp;

impl TestApp {
    /// The mails that it has sent, in their order: the last hundred. In a test they are kept in memory, unless `mail.url` is set.
    ///
    /// ```
    /// # use mainstay_core::{App, Inject, Result};
    /// # use mainstay_http::{RoutesExt, post, routes};
    /// # use mainstay_mail::{Mail, MailExt, Mailer};
    /// # use mainstay_test::TestApp;
    /// /// Sends a link.
    /// #[post("/forgotten")]
    /// async fn forgotten(mailer: Inject<Mailer>) -> Result<()> {
    ///     mailer.send(Mail::to("ann@example.org").subject("A new password").text("Go to https://shop.example/reset?token=x")).await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app = TestApp::start(App::new().mail().routes(routes![forgotten])).await;
    /// app.assert_no_mails().await;
    /// app.post("/forgotten").send().await.assert_success();
    ///
    /// let mail = app.assert_mail_sent(|mail| mail.subject == "A new password").await;
    /// assert_eq!(mail.links().next(), Some("https://shop.example/reset?token=x"));
    /// assert_eq!(app.mails_to("ann@example.org").await, app.mails().await);
    /// # }
    /// ```
    ///
    /// Mails that jobs deliver are sent when the test says so: `app.run_jobs()`, feature `jobs`.
    ///
    /// # Panics
    /// When it sends no mails at all, or sends them away.
    pub async fn mails(&self) -> Vec<Message> {
        match self.inject::<Mailer>().await.kept().await {
            Ok(Some(mut mails)) => {
                mails.reverse();
                mails
            }
            Ok(None) => panic!("`mail.url` sends mails away: leave it out, and they are kept"),
            Err(error) => panic!("{}", error.report()),
        }
    }

    /// Those of [`mails`](Self::mails) that somebody gets, be it as a copy.
    ///
    /// # Panics
    /// As [`mails`](Self::mails).
    pub async fn mails_to(&self, address: &str) -> Vec<Message> {
        let mut mails = self.mails().await;
        mails.retain(|mail| mail.recipients().any(|mailbox| mailbox.address() == address));
        mails
    }

    /// Claims that there is such a mail, and returns the first one.
    ///
    /// # Panics
    /// When there is none, with those that there are; and as [`mails`](Self::mails).
    pub async fn assert_mail_sent(&self, is_meant: impl Fn(&Message) -> bool) -> Message {
        let mails = self.mails().await;
        match mails.iter().find(|mail| is_meant(mail)) {
            Some(mail) => mail.clone(),
            None => panic!("no such mail was sent{}", self.shown(&mails).await),
        }
    }

    /// Claims that no mail was sent. One that waits to be delivered by a job was not.
    ///
    /// # Panics
    /// When one was, with those that there are; and as [`mails`](Self::mails).
    pub async fn assert_no_mails(&self) {
        let mails = self.mails().await;
        assert!(mails.is_empty(), "mails were sent{}", self.shown(&mails).await);
    }

    /// Those that there are, a line each, and how many wait.
    async fn shown(&self, mails: &[Message]) -> String {
        let mut shown = if mails.is_empty() { "; there are none".to_owned() } else { ":".to_owned() };
        for mail in mails {
            let to = mail.recipients().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let _infallible = write!(shown, "\n  to {to}: {}", mail.subject);
        }
        #[cfg(feature = "jobs")]
        {
            let waiting = self.enqueued::<mainstay_mail::DeliverMail>().await.len();
            if waiting > 0 {
                let _infallible =
                    write!(shown, "\n{waiting} wait for a job to deliver them: `app.run_jobs().await`");
            }
        }
        shown
    }
}
