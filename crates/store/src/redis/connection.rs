//! One connection: a socket, TLS around it where the address says so, and the protocol over that.

use std::io;
use std::time::Duration;

use futures_util::future::select_ok;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::address::{RedisAddress, Way};
use super::fault::Fault;
use super::tls;

/// A connection that many use at once. Dropped, it ends, and so does what waits for its answers.
pub(super) struct Connection {
    shared: MultiplexedConnection,
    driver: AbortHandle,
}

impl Connection {
    /// Connects, and signs in.
    pub(super) async fn open(address: &RedisAddress, timeout: Duration) -> Result<Self, Fault> {
        let open = async {
            let socket = connect(address).await.map_err(redis::RedisError::from)?;
            match &address.way {
                Way::Clear => Self::over(socket, address, timeout).await,
                Way::Encrypted(ca) => {
                    let encrypted = tls::encrypt(socket, &address.host, ca.as_deref(), timeout).await?;
                    let opened = Self::over(encrypted, address, timeout).await;
                    opened.map_err(|fault| tls::after_handshake(&address.host, fault))
                }
            }
        };
        tokio::time::timeout(timeout, open).await.unwrap_or(Err(Fault::TooLate))
    }

    async fn over<S>(stream: S, address: &RedisAddress, timeout: Duration) -> Result<Self, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(timeout));
        let (shared, driver) =
            MultiplexedConnection::new_with_config(&address.account, stream, config).await?;
        Ok(Self { shared, driver: tokio::spawn(driver).abort_handle() })
    }

    /// The connection, for one question.
    pub(super) fn shared(&self) -> MultiplexedConnection {
        self.shared.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A server that is silent would keep its task waiting for what it owes.
        self.driver.abort();
    }
}

/// The first address of the host that answers.
async fn connect(address: &RedisAddress) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((&*address.host, address.port)).await?;
    let attempts: Vec<_> = found.map(|address| Box::pin(TcpStream::connect(address))).collect();
    if attempts.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    let (socket, _) = select_ok(attempts).await?;
    // A question is written at once; waiting for more to send with it gains nothing.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}
