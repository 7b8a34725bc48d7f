//! Who is at the other end, and who answers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, Response};

/// Answers requests: the whole application behind the listener.
///
/// The future is dropped when the client goes away before the response is ready. What must finish regardless is
/// spawned by whoever implements this.
pub trait Dispatch: Send + Sync + 'static {
    /// The response to this request of this peer.
    fn dispatch(
        &self,
        request: Request<Incoming>,
        peer: &Arc<Peer>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// The other end of a connection. All requests of a connection share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of the peer: of a proxy, if there is one in front.
    pub address: PeerAddress,
    /// The address at which the peer reached us; absent on a Unix socket.
    pub local: Option<SocketAddr>,
    /// What the handshake settled; absent without TLS.
    pub tls: Option<TlsInfo>,
    /// What is spoken on this connection.
    pub protocol: Protocol,
}

/// The address of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// Over TCP.
    Ip(SocketAddr),
    /// Over a Unix socket: a process on this machine.
    Unix,
}

impl PeerAddress {
    /// The IP address, if there is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What a TLS handshake settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// The host that the client asked for (SNI).
    pub server_name: Option<String>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
}
