//! `principal`: who sends the request. This crate only asks; others know how to tell.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::request::Parts;
use mainstay_core::principal::Principal;
use mainstay_core::{Contribution, Result};

use crate::exchange::Exchange;

/// Tells who sends a request: from a session, a token, a certificate.
pub trait Authenticate: Send + Sync + 'static {
    /// The sender, or none if the request carries nothing that this one understands. An error refuses the request; what
    /// is expired or forged is one.
    fn authenticate<'a>(
        &'a self,
        exchange: &'a Exchange,
        request: &'a Parts,
    ) -> BoxFuture<'a, Result<Option<Principal>>>;
}

/// A contribution: an authenticator. They are asked in the order of the modules; the first that knows the sender
/// decides.
#[derive(Clone)]
pub struct Authenticator(pub(crate) Arc<dyn Authenticate>);

impl Authenticator {
    /// Adds this one.
    pub fn new(authenticate: impl Authenticate) -> Self {
        Self(Arc::new(authenticate))
    }
}

impl Contribution for Authenticator {
    fn installs() -> Option<mainstay_core::Module> {
        Some(crate::module::http())
    }
}
