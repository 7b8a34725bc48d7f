//! The whole program, as an operator and its clients see it: a real process, real sockets, signals.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod credentials;
mod data;
mod errors;
mod inbox;
mod input;
mod installation;
mod messages;
mod migrations;
mod process;
mod protocols;
mod retries;
mod sealed;
mod start;
mod stop;
mod wire;
