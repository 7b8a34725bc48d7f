//! The listener: from a socket to a request, and from a response back to the socket.
//!
//! In reading order:
//!
//! 1. `config`: where to listen, what to wait for and for how long, how much to take.
//! 2. `bind`: takes the address apart from serving it, so that a port in use stops the start, with the fix named;
//!    `inherited`: or the socket that systemd has opened for us.
//! 3. `accept`: the loop. It stops at the cap, backs off when the system has no descriptors left, and drains.
//! 4. `connection`: one connection: handshake, HTTP/1.1 or HTTP/2, upgrades, its end.
//! 5. `link` and `registry`: what is known of every open connection, and the sweep that enforces all time-outs.
//! 6. `wire`: the bytes below hyper; tells the link when bytes come and when the peer stops taking them.
//! 7. `tls`: certificates from files, reloaded without a restart.
//!
//! It knows nothing of routes: whatever answers requests implements [`Dispatch`].
//!
//! Time-outs cost nothing per request. hyper's own head time-out allocates and arms a timer for each request (and takes
//! idle keep-alive connections for slow heads); here a request writes a few relaxed atomics of its own connection, and
//! one sweep, twice a second, looks at all of them.

mod accept;
mod bind;
mod config;
mod connection;
#[cfg(unix)]
mod inherited;
mod link;
mod metrics;
mod peer;
mod problem;
mod registry;
mod socket;
#[cfg(feature = "tls")]
mod tls;
mod wire;

pub use accept::Drained;
pub use bind::{Bound, LocalAddress};
pub use config::{Http1Config, Http2Config, ListenConfig, TlsConfig};
pub use metrics::{ConnectionCounts, ConnectionMetrics};
pub use peer::{Dispatch, Peer, PeerAddress, Protocol, TlsInfo};
#[cfg(feature = "tls")]
pub use tls::Certificates;
