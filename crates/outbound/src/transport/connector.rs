//! From a URL to a connection: resolve, filter, connect, encrypt. The only place that opens one.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use crate::filter::{Filter, LOCALHOST, Refusal, is_localhost};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The filter does not let it through.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The URL has no host, or one that cannot be in a certificate.
    #[error("`{0}` is no host")]
    NoHost(String),
    /// The name is unknown, or nobody could be asked.
    #[error("the name `{0}` could not be resolved")]
    Unresolved(String, #[source] std::io::Error),
    /// Nobody listens there, or the network does not lead there.
    #[error("{0} could not be connected to")]
    Unreachable(SocketAddr, #[source] std::io::Error),
    /// It took longer than `connect_timeout`.
    #[error("`{0}` could not be connected to within {1:?}")]
    TooSlow(String, Duration),
    /// The other side does not speak TLS, or its certificate does not hold.
    #[error("no encrypted connection to `{0}`")]
    Tls(String, #[source] std::io::Error),
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) tls: TlsConnector,
    pub(crate) timeout: Duration,
    pub(crate) filter: Option<Arc<Filter>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default().to_owned();
            let limit = connector.timeout;
            match tokio::time::timeout(limit, connector.connect(&uri)).await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_) => Err(ConnectError::TooSlow(host, limit)),
            }
        })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<Connection, ConnectError> {
        let encrypted = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let host = uri.host().ok_or_else(|| ConnectError::NoHost(uri.to_string()))?;
        // An address of IPv6 is in brackets in a URL, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let addresses = self.resolve(host, port).await?;
        let stream = race(host, addresses).await?;
        // A request is written at once; waiting for more to send with it gains nothing.
        let _ = stream.set_nodelay(true);
        if !encrypted {
            return Ok(Connection::Plain(stream));
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| ConnectError::NoHost(host.to_owned()))?;
        let stream = self.tls.connect(name, stream).await;
        let stream = stream.map_err(|error| ConnectError::Tls(host.to_owned(), error))?;
        Ok(Connection::Encrypted(Box::new(stream)))
    }

    /// The addresses of a host, all of which may be connected to. A name that has one that may not is not called at all:
    /// nobody publishes such a name for an honest reason.
    async fn resolve(&self, host: &str, port: u16) -> Result<VecDeque<SocketAddr>, ConnectError> {
        let unresolved = |error| ConnectError::Unresolved(host.to_owned(), error);
        let addresses: VecDeque<_> = match is_localhost(host) {
            true => LOCALHOST.map(|address| SocketAddr::new(address, port)).into(),
            false => tokio::net::lookup_host((host, port)).await.map_err(unresolved)?.collect(),
        };
        if let Some(filter) = &self.filter {
            for address in &addresses {
                filter.check_address(host, address.ip())?;
            }
        }
        Ok(addresses)
    }
}

/// How long an address has to itself, before the next one is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The first address that can be connected to, so that a network without IPv6 costs a moment and not the whole time-out.
async fn race(host: &str, mut addresses: VecDeque<SocketAddr>) -> Result<TcpStream, ConnectError> {
    let mut running = FuturesUnordered::new();
    let nothing = || std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    let mut last = ConnectError::Unresolved(host.to_owned(), nothing());
    loop {
        if let Some(address) = addresses.pop_front() {
            running.push(async move {
                TcpStream::connect(address).await.map_err(|error| ConnectError::Unreachable(address, error))
            });
        }
        let wait = async {
            if addresses.is_empty() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(HEAD_START).await;
        };
        tokio::select! {
            connected = running.next() => match connected {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = wait => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_or_is_silent_does_not_keep_the_next_from_being_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        // Of a network for documentation: nobody answers there.
        let silent = SocketAddr::from(([192, 0, 2, 1], 80));
        let began = tokio::time::Instant::now();
        for first in [closed, silent] {
            let stream = race("name", [first, open].into()).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), open);
        }
        assert!(began.elapsed() < HEAD_START * 8, "{:?}", began.elapsed());
        let error = race("name", [closed].into()).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable(address, _) if address == closed), "{error}");
        let error = race("name", VecDeque::new()).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unresolved(..)), "{error}");
    }
}
