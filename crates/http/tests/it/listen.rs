//! The listener, seen from its clients.

mod drain;
#[cfg(unix)]
mod inherited;
mod limits;
mod place;
mod protocols;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
