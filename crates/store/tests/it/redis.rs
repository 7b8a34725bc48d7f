//! What only a server has: it is shared, it goes away and comes back, and it lets not everybody in.
//!
//! The server is the one that `MAINSTAY_REDIS_URL` names; a test that kills its server starts one of its own.

mod encrypted;
mod full;
mod locks;
mod lost;
mod near;
mod shared;
mod starting;

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::Clock;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_store::redis::{Redis, RedisOptions};
use servers::{Durability, Engine, Server, programs};

/// The address of the server, if there is one. Says aloud that there is none; under continuous integration that is a failure.
pub(crate) fn server() -> Option<String> {
    let found = std::env::var("MAINSTAY_REDIS_URL").ok();
    if found.is_none() {
        servers::not_run(
            "on redis: MAINSTAY_REDIS_URL names no server; `cargo xtask services run -- …` starts one",
        );
    }
    found
}

/// A prefix that no other test has.
pub(crate) fn prefix() -> String {
    format!("test-{}", SecureRandom::new().hex(8))
}

/// A server of its own for a test that does something to it, if there can be one.
pub(crate) fn start(durability: Durability) -> Option<Server> {
    match programs::REDIS.find() {
        Ok(_) => Some(Server::start(Engine::Redis, durability).unwrap()),
        Err(why) => {
            servers::not_run(&format!("on redis: {why}"));
            None
        }
    }
}

/// By a clock that a test moves, with keys that nobody else has.
pub(crate) fn connect(address: &str, clock: Arc<dyn Clock>) -> Redis {
    let options = RedisOptions { prefix: prefix(), timeout: Duration::from_secs(20), clock: Some(clock) };
    Redis::new(&address.parse().unwrap(), options)
}

/// By the server's own clock.
pub(crate) fn connect_as(address: &str, prefix: &str) -> Redis {
    let options = RedisOptions { prefix: prefix.to_owned(), timeout: Duration::from_secs(20), clock: None };
    Redis::new(&address.parse().unwrap(), options)
}
