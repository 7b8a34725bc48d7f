//! Calls to other services.
//!
//! An application names its [`Upstream`]s; the container hands out a [`Client`] of each, in a type of the application's own. What
//! goes wrong elsewhere is kept from spreading: every call has a deadline and a limit on the size of the answer, what may be
//! repeated is, out of a budget, and a service that fails is left alone for a while. A URL that somebody else has chosen is called
//! only at a public address.
//!
//! In reading order:
//!
//! 1. [`Upstream`]: what an application says about a service; `settings` and [`config`]: what holds for it.
//! 2. [`Client`], [`Request`] and [`Answer`]: what its handlers use. The way of a call is in `client`.
//! 3. `retry` and `breaker`: what is tried again, and what is left alone.
//! 4. [`OutboundError`] and [`Failure`]: what went wrong, and what the application's own client is told of it.
//! 5. `filter`: which URLs from anywhere are called. `transport`: how a request is sent.
//! 6. [`Streaming`]: requests and answers of any length, for a part that brings the protocol of a service; [`authorities`]: whom
//!    encrypted connections trust.
//! 7. [`module`]: the checks, and the metrics.

mod answer;
mod breaker;
mod client;
pub mod config;
mod failure;
mod filter;
pub mod module;
mod request;
mod retry;
mod settings;
mod streaming;
mod transport;
mod upstream;

pub use answer::Answer;
pub use breaker::{BreakerSettings, BreakerState};
pub use client::Client;
pub use failure::{Cause, Failure, OutboundError};
pub use filter::{Network, NotANetwork, Refusal, is_this_machine};
/// The types of requests and answers, for [`Client::answering`].
pub use http;
pub use request::Request;
pub use streaming::Streaming;
pub use transport::{ConnectError, authorities};
pub use upstream::{OutboundExt, Upstream};
