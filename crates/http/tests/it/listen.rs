//! The listener, seen from its clients.

mod drain;
mod limits;
mod place;
mod protocols;
#[cfg(feature = "tls")]
mod tls;
