//! The listener, seen from its clients.

mod drain;
#[cfg(unix)]
mod inherited;
mod limits;
mod place;
pub(crate) mod protocols;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
