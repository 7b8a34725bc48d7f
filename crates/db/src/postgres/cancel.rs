//! Asking the server to stop what runs on a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{CancelToken, Config};

use super::tls::Tls;

/// How long a request to stop a statement may take.
const STOPPING: Duration = Duration::from_secs(2);
const STANDARD_PORT: u16 = 5432;

/// What stops the statements of one connection.
pub(super) struct Canceller {
    token: CancelToken,
    config: Arc<Config>,
    tls: Tls,
}

/// A host of the configuration: its name, and where it is.
struct Place {
    name: String,
    /// The folder of its socket, or its address.
    at: Host,
    port: u16,
}

impl Canceller {
    pub(super) fn new(token: CancelToken, config: Arc<Config>, tls: Tls) -> Self {
        Self { token, config, tls }
    }

    /// Returns when the server has seen to it: what is sent afterwards is not hit.
    pub(super) async fn cancel(&self) {
        // Which of several hosts the connection leads to is not known. The others do not know what is asked of them, and do
        // nothing.
        let requests = places(&self.config).map(|place| async move {
            let fault = match timeout(STOPPING, self.ask(&place)).await {
                Ok(Ok(())) => return,
                Ok(Err(fault)) => fault.to_string(),
                Err(_) => format!("no answer within {STOPPING:?}"),
            };
            tracing::debug!(target: "mainstay::db", host = place.name, error = fault, "a statement could not be cancelled");
        });
        join_all(requests).await;
    }

    async fn ask(&self, place: &Place) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let tls = self.tls.handshake(&place.name);
        match &place.at {
            Host::Tcp(address) => {
                let socket = TcpStream::connect((address.as_str(), place.port)).await?;
                self.token.cancel_query_raw(UntilHungUp(socket), tls).await?;
            }
            Host::Unix(folder) => {
                let socket = UnixStream::connect(folder.join(format!(".s.PGSQL.{}", place.port))).await?;
                self.token.cancel_query_raw(UntilHungUp(socket), tls).await?;
            }
        }
        Ok(())
    }
}

fn places(config: &Config) -> impl Iterator<Item = Place> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    (0..hosts.len().max(addresses.len())).filter_map(move |index| {
        let address = addresses.get(index).map(|address| Host::Tcp(address.to_string()));
        let host = hosts.get(index).cloned();
        let name = match &host {
            Some(Host::Tcp(name)) => name.clone(),
            _ => String::new(),
        };
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(STANDARD_PORT);
        Some(Place { name, at: address.or(host)?, port })
    })
}

/// A socket on which nothing more is to be said, but that stays open until the other side hangs up: with that a server says
/// that it has seen to a request to cancel. A pooler that loses the asker before may die of it.
struct UntilHungUp<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilHungUp<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilHungUp<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut rest = [0; 64];
        loop {
            let mut buffer = ReadBuf::new(&mut rest);
            let read = ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer));
            // A connection that is reset has been hung up too.
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(url: &str) -> Vec<(String, Host, u16)> {
        let config: Config = url.parse().unwrap();
        places(&config).map(|place| (place.name, place.at, place.port)).collect()
    }

    #[test]
    fn asks_wherever_the_connection_may_lead() {
        assert_eq!(
            listed("postgres://one,two:6000/app"),
            [
                ("one".to_owned(), Host::Tcp("one".to_owned()), 5432),
                ("two".to_owned(), Host::Tcp("two".to_owned()), 6000)
            ]
        );
        assert_eq!(
            listed("host=db hostaddr=127.0.0.1 port=6432"),
            [("db".to_owned(), Host::Tcp("127.0.0.1".to_owned()), 6432)]
        );
        assert_eq!(listed("host=/run/pg"), [(String::new(), Host::Unix("/run/pg".into()), 5432)]);
    }
}
