//! How the mails are sent, and how many.

use mainstay_core::keys::Keys;
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_http::Exchange;
use mainstay_mail::{Mail, Mailbox, Mailer};
use mainstay_store::Store;
use mainstay_view::{Context, context};

use super::Person;
use crate::account::Account;
use crate::attempts::Attempts;
use crate::audit::SecurityEvent;
use crate::pages::visit::Visit;
use crate::passwords::AuthConfig;

/// Sends the mails of these pages. Injectable.
pub(crate) struct Post {
    mailer: Inject<Mailer>,
    attempts: Inject<Attempts>,
    pub(super) keys: Inject<Keys>,
    pub(super) config: Inject<AuthConfig>,
}

impl Post {
    pub(super) fn new(
        mailer: Inject<Mailer>,
        attempts: Inject<Attempts>,
        keys: Inject<Keys>,
        config: Inject<AuthConfig>,
    ) -> Self {
        Self { mailer, attempts, keys, config }
    }

    /// Counts a request for a mail, as an attempt at the address that was typed.
    pub(super) async fn count(&self, what: &str, email: &str, exchange: &Exchange) -> Result<()> {
        self.attempts.count(what, email, exchange).await
    }

    /// The account of somebody who has typed their address to get a mail. None: there is no such account, which a mail to that address
    /// says, and nothing else. `what` counts and records it.
    pub(super) async fn asked<A: Person>(
        &self,
        visit: &Visit,
        typed: &str,
        (what, event): (&str, &'static str),
        db: &Db,
    ) -> Result<Option<A>> {
        let email = address("email", typed)?;
        self.count(what, &email, &visit.exchange).await?;
        let asked = SecurityEvent::new(event);
        let account = A::by_email(&email).first(db).await?.filter(Account::is_active);
        match &account {
            Some(account) => visit.record(asked.of(&account.principal().identity())).await?,
            None => {
                visit.record(asked.refused().with("why", "no such account")).await?;
                self.send(&email, "auth/mails/no_account", context! { email }).await?;
            }
        }
        Ok(account)
    }

    /// Sends one to an address, unless too many went there of late: then none goes, and nobody but its owner can tell.
    pub(super) async fn send(&self, to: &str, view: &str, context: Context) -> Result<()> {
        let key = format!("mails:{}", Store::digest(to));
        if !self.attempts.is_within(&key, self.config.mails_by_address).await? {
            tracing::warn!(view, "too many mails went to one address of late: this one does not");
            return Ok(());
        }
        // By a job where there are jobs: then how long the server takes tells nobody anything.
        self.mailer.send_soon(Mail::to(to).view(view, context)).await
    }
}

/// An address as accounts have it: in lower case, since nobody has two mailboxes that differ in nothing else.
pub(super) fn address(field: &str, typed: &str) -> Result<String> {
    let refused = |why| {
        let told = "This is no e-mail address.";
        Error::invalid(vec![Fault::new(format!("/{field}"), "invalid_email", told)]).caused_by(why)
    };
    let mailbox = Mailbox::new(typed.trim()).map_err(refused)?;
    Ok(mailbox.address().to_lowercase())
}
