//! The behaviour of the HTTP layer, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod call_context;
mod calling;
mod compile_fail;
mod compression;
mod csrf;
mod deploy;
mod errors;
mod extract;
mod files;
mod headers;
mod hosts;
mod injection;
mod listen;
mod macros;
mod middleware;
mod redaction;
mod resumable;
mod routing;
mod served;
mod sessions;
mod stack;
mod uploads;
mod versions;
mod wire;
