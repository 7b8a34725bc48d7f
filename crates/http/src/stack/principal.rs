//! `principal`: who sends the request. This crate only asks; others know how to tell.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::principal::Principal;
use mainstay_core::{Contribution, Resolver, Result};

use crate::describe::SecuritySpec;
use crate::exchange::Exchange;

/// Tells who sends a request: from a session, a token, a certificate.
pub trait Authenticate: Send + Sync + 'static {
    /// The sender, or none if the request carries nothing that this one understands. An error refuses the request; what
    /// is expired or forged is one. What is around the whole application sees such a request, as one of nobody.
    ///
    /// `resolver` is the container as the application itself sees it. What is found out beside the principal may be left
    /// in the extensions of the request, for extractors.
    fn authenticate<'a>(
        &'a self,
        exchange: &'a Exchange,
        request: &'a mut Parts,
        resolver: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>>;

    /// What it takes from the container. It is verified at start.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
}

/// A contribution: an authenticator. They are asked in the order of the modules; the first that knows the sender
/// decides.
#[derive(Clone)]
pub struct Authenticator {
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) spec: Option<SecuritySpec>,
}

impl Authenticator {
    /// Adds this one.
    pub fn new(authenticate: impl Authenticate) -> Self {
        Self { authenticate: Arc::new(authenticate), spec: None }
    }

    /// Says how senders prove who they are. API documents show it, as what may be sent, for every operation that documents
    /// a 401 and says nothing itself of who may call it.
    #[must_use]
    pub fn documented(mut self, spec: SecuritySpec) -> Self {
        self.spec = Some(SecuritySpec { optional: true, ..spec });
        self
    }
}

impl Contribution for Authenticator {
    fn installs() -> Option<mainstay_core::Module> {
        Some(crate::module::http())
    }

    fn needs(&self) -> Vec<Need> {
        self.authenticate.needs()
    }
}
