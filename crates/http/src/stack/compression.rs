//! `compression`: compresses what is worth it, for clients that take it. See [`compression`](crate::compression).

use axum::extract::Request;
use axum::response::Response;

use super::{Flow, Hook};
use crate::compression::{Accepted, CompressionConfig};
use crate::exchange::Exchange;

/// The part `compression`.
#[derive(Debug)]
pub struct Compression {
    config: CompressionConfig,
}

impl Compression {
    /// Compresses with these settings.
    pub fn new(config: CompressionConfig) -> Self {
        Self { config }
    }
}

impl Hook for Compression {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        exchange.set_accepted(Accepted::of(request.headers()));
        Flow::Continue
    }

    fn after(&self, exchange: &Exchange, response: &mut Response) {
        self.config.compress(exchange.accepted(), exchange.method(), response);
    }
}
