//! What Mainstay is measured against, each a program of its own in `src/bin`:
//!
//! - `hyper_raw`: the floor, hyper with a `match` on the path;
//! - `axum_bare`: axum with nothing around the handlers;
//! - `axum_tower`: axum with the features of Mainstay's default stack, from ordinary tower layers;
//! - `sqlite_raw`: the database tests, and Conduit's articles, by hand, on rusqlite;
//! - `postgres_raw`: the same on tokio-postgres, with a pool or (the tests only) over one pipelined connection;
//! - `load`: a load generator for machines without wrk.
//!
//! The servers take their port from `PORT` and answer their routes as the TechEmpower rules ask. All run on the
//! default tokio runtime (multi-threaded); `cargo xtask bench` gives every one of them, and Mainstay, a single worker
//! through `TOKIO_WORKER_THREADS`, so that the same scheduler is in all measurements and the load generator has a
//! processor to itself.

#[cfg(feature = "articles")]
pub mod articles;
pub mod blog;
pub mod contest;
pub mod rows;

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    net::Ipv4Addr,
};

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

/// A number below `limit`, from a small generator of each thread (xorshift, seeded by the standard library).
#[must_use]
pub fn random(limit: u32) -> u32 {
    thread_local!(static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1));
    let drawn = STATE.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        x >> 32
    });
    // Scaling instead of a remainder: no division. The result is below `limit`, so it fits.
    u32::try_from((drawn * u64::from(limit)) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_cover_the_range_and_stay_in_it() {
        let mut seen = [false; 10];
        for _ in 0..10_000 {
            seen[random(10) as usize] = true;
        }
        assert_eq!(seen, [true; 10]);
    }
}
