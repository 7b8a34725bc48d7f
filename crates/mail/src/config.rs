//! The section `mail`.

use std::fmt;
use std::time::Duration;

use mainstay_core::config::{Problems, Section, bytes, duration};
use mainstay_core::{Error, Profile, Result};
use serde::{Deserialize, Serialize};

use crate::address::Mailbox;
use crate::smtp::Server;

/// `[mail]`.
///
/// ```toml
/// [mail]
/// url = "smtp://user:password@mail.example:587"
/// from = "Shop <no-reply@shop.example>"
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct MailConfig {
    /// Where mails go: `smtp://…` (STARTTLS), `smtps://…`, `file:var/mails`, `memory:`, or the address of another transport. By default, in
    /// development `file:var/mails`, in tests `memory:`. Elsewhere it has to be set. A password in it is percent-encoded.
    pub url: Option<String>,
    /// Whom mails are from that do not say it: `Shop <no-reply@shop.example>`. Outside of production, by default, `no-reply@localhost`.
    pub from: Option<String>,
    /// How long the delivery of a mail may take, with all that it waits for.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How long it may take until a server lets us in: connection, greeting, encryption, login.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// How many mails are delivered at once, each by a connection to the server. Others wait.
    pub max_connections: usize,
    /// How large a mail may be, in what it says and what is attached to it.
    #[serde(with = "bytes")]
    pub max_size: u64,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            url: None,
            from: None,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_connections: 4,
            max_size: 10 << 20,
        }
    }
}

impl MailConfig {
    /// Where mails go in this profile.
    pub fn url(&self, profile: &Profile) -> Option<&str> {
        match (&self.url, profile) {
            (Some(url), _) => Some(url),
            (None, Profile::Development) => Some("file:var/mails"),
            (None, Profile::Test) => Some("memory:"),
            (None, _) => None,
        }
    }

    /// Whom mails are from.
    pub(crate) fn sender(&self, profile: &Profile) -> Result<Option<Mailbox>> {
        let from = match (&self.from, profile.is_production()) {
            (Some(from), _) => from,
            (None, true) => return Ok(None),
            (None, false) => "no-reply@localhost",
        };
        from.parse().map(Some).map_err(|fault| Error::internal(format!("`mail.from`: {fault}")))
    }
}

impl Section for MailConfig {
    const NAME: &'static str = "mail";

    fn validate(&self, problems: &mut Problems) {
        if let Some(Err(fault)) = self.from.as_deref().map(str::parse::<Mailbox>) {
            problems.add("from", fault.to_string(), Some("write it as \"Shop <no-reply@shop.example>\""));
        }
        if let Some(Err(fault)) = self.url.as_deref().filter(|url| Server::is_meant(url)).map(Server::parse) {
            problems.add("url", fault, Some("write it as \"smtp://user:password@mail.example:587\"; percent-encode what is in the password"));
        }
        for (key, time) in [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)] {
            if time.is_zero() {
                problems.add(key, "must not be 0: every wait has an end", None);
            }
        }
        if !(1..=1000).contains(&self.max_connections) {
            problems.add("max_connections", "must be from 1 to 1000", None);
        }
    }
}

/// Without the address: it may have a password.
impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailConfig")
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
