//! What somebody records.

use mainstay_db::DbEnum;
use mainstay_http::Exchange;
use serde_json::{Map, Value};

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DbEnum)]
pub enum Outcome {
    /// It was.
    Done,
    /// It was tried, and refused.
    Refused,
}

/// Something that happened to an account, or was done by one. Never put a secret into it.
///
/// Events of this crate are named `login`, `logout`, `password.changed` and so on: what it was about, a dot, what happened.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) account: Option<String>,
    pub(super) actor: Option<String>,
    pub(super) address: Option<String>,
    pub(super) request: Option<String>,
    pub(super) details: Map<String, Value>,
}

impl SecurityEvent {
    /// An event of this name that happened just now.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            outcome: Outcome::Done,
            account: None,
            actor: None,
            address: None,
            request: None,
            details: Map::new(),
        }
    }

    /// Whose account it is about, by its [identity](mainstay_core::principal::Principal::identity).
    #[must_use]
    pub fn of(mut self, identity: &str) -> Self {
        self.account = Some(identity.to_owned());
        self
    }

    /// Who did it, by their identity, where it is not the account itself.
    #[must_use]
    pub fn by(mut self, identity: &str) -> Self {
        self.actor = Some(identity.to_owned());
        self
    }

    /// In which request it happened, and from which address that came.
    #[must_use]
    pub fn from(mut self, exchange: &Exchange) -> Self {
        self.address = exchange.client().map(|address| address.to_string());
        self.request = Some(exchange.id().to_string());
        self
    }

    /// What else is worth knowing.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Says that it was refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }

    /// Writes it to the log of the program.
    pub(super) fn tell(&self) {
        let details = Value::Object(self.details.clone());
        tracing::info!(
            target: "mainstay::audit",
            event = self.name,
            outcome = ?self.outcome,
            account = self.account,
            actor = self.actor,
            address = self.address,
            request = self.request,
            %details,
            "security event"
        );
    }
}
