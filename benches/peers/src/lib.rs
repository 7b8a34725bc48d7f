//! What Mainstay is measured against, each a program of its own in `src/bin`:
//!
//! - `hyper_raw`: the floor, hyper with a `match` on the path;
//! - `axum_bare`: axum with nothing around the handlers;
//! - `axum_tower`: axum with the features of Mainstay's default stack, from ordinary tower layers;
//! - `load`: a load generator for machines without wrk.
//!
//! All take their port from `PORT` and answer `/plaintext` and `/json` as the TechEmpower rules ask. All run on the
//! default tokio runtime (multi-threaded); `cargo xtask bench` gives every one of them, and Mainstay, a single worker
//! through `TOKIO_WORKER_THREADS`, so that the same scheduler is in all measurements and the load generator has a
//! processor to itself.

use std::net::Ipv4Addr;

use serde::Serialize;
use tokio::net::TcpListener;

/// The text of `/plaintext`.
pub const PLAINTEXT: &str = "Hello, World!";

/// The object of `/json`, serialised anew for each request.
#[derive(Serialize)]
pub struct Message {
    /// Always `Hello, World!`.
    pub message: &'static str,
}

impl Message {
    /// The message that the rules ask for.
    #[must_use]
    pub const fn hello() -> Self {
        Self { message: PLAINTEXT }
    }
}

/// Listens on the port in `PORT`.
///
/// # Errors
///
/// When `PORT` is missing or no port, or somebody else listens on it.
pub async fn listen() -> std::io::Result<TcpListener> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse::<u16>().ok());
    let port = port.ok_or_else(|| std::io::Error::other("PORT must be the port to listen on"))?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}
