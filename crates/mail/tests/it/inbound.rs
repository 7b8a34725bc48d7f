//! Mails that arrive.

mod doors;
mod handling;
mod robots;

use std::sync::{Arc, Mutex, PoisonError};

use mainstay_core::{App, CoreContributions, Error, Inject, Provider, Result};
use mainstay_db::Db;
use mainstay_jobs::StoredJob;
use mainstay_mail::{InboundMail, InboundMailExt};
use mainstay_test::TestApp;

/// What the functions of the test were given, and what they are to say.
#[derive(Default)]
struct Desk {
    given: Mutex<Vec<(&'static str, InboundMail)>>,
    fails: Mutex<Vec<&'static str>>,
}

impl Desk {
    fn given(&self) -> Vec<(&'static str, InboundMail)> {
        std::mem::take(&mut *self.given.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// By which function, and to whom.
    fn takers(&self) -> Vec<(&'static str, String)> {
        self.given().into_iter().map(|(taker, mail)| (taker, mail.recipient)).collect()
    }

    fn fail(&self, how: &'static str) {
        self.fails.lock().unwrap_or_else(PoisonError::into_inner).push(how);
    }

    fn take(&self, taker: &'static str, mail: InboundMail) -> Result<()> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push((taker, mail));
        let says = self.fails.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match says {
            Some("panic") => panic!("the desk falls over"),
            Some(how) => Err(Error::internal(how)),
            None => Ok(()),
        }
    }
}

async fn support(mail: InboundMail, desk: Inject<Desk>, db: Inject<Db>) -> Result<()> {
    // What a function takes is there.
    let _there = db.primary();
    desk.take("support", mail)
}

async fn replies(mail: InboundMail, desk: Inject<Desk>) -> Result<()> {
    desk.take("replies", mail)
}

async fn shop(mail: InboundMail, desk: Inject<Desk>) -> Result<()> {
    desk.take("shop", mail)
}

const PASSWORD: &str = "0123456789abcdef-relay";

fn app() -> App {
    App::new()
        .provide(Provider::singleton(Desk::default))
        .inbound_mail("support@*", support)
        .inbound_mail("reply+*@shop.example", replies)
        .inbound_mail("*@shop.example", shop)
        .set("inbound_mail.relay_password", PASSWORD)
        .set("inbound_mail.mailgun_key", "key-0123456789abcdef")
        .set("inbound_mail.postmark_password", "0123456789abcdef-postmark")
        .set("inbound_mail.sendgrid_password", "0123456789abcdef-sendgrid")
}

/// A mail as it comes.
fn message(to: &str, id: &str) -> String {
    format!(
        "From: Ann <ann@example.org>\r\nTo: {to}\r\nSubject: Help\r\nMessage-ID: <{id}@example.org>\r\n\
         Date: Mon, 5 Jan 2026 10:00:00 +0100\r\n\r\nIt does not work.\r\n"
    )
}

async fn desk(app: &TestApp) -> Arc<Desk> {
    app.inject::<Desk>().await.into_arc()
}

/// Every job, the first first.
async fn jobs(app: &TestApp) -> Vec<StoredJob> {
    StoredJob::query().order_by(|job| job.id.asc()).all(&*app.inject::<Db>().await).await.unwrap()
}
