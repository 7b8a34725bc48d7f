//! Something between driver and server that can be told to fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// `postgres://user@host:port/database?…` as what is before and after the host and port, and those.
pub(crate) fn split(url: &str) -> (String, String, String) {
    let start = url.find("://").unwrap() + 3;
    let start = url[start..].find('@').map_or(start, |at| start + at + 1);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    (url[..start].to_owned(), url[start..end].to_owned(), url[end..].to_owned())
}

/// A proxy on loopback.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    frozen: Arc<AtomicBool>,
    listening: AbortHandle,
    connections: Arc<std::sync::Mutex<Vec<AbortHandle>>>,
}

impl Proxy {
    /// Passes everything on.
    pub(crate) async fn plain(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::over(listener, server, None)
    }

    /// Passes on what comes to an address that is free again.
    pub(crate) async fn again(address: SocketAddr, server: &str) -> Self {
        Self::over(TcpListener::bind(address).await.unwrap(), server, None)
    }

    /// Speaks TLS in the place of the server.
    pub(crate) async fn encrypted(server: &str, acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::over(listener, server, Some(acceptor))
    }

    fn over(listener: TcpListener, server: &str, acceptor: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().unwrap();
        let frozen = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (server, freezing, known) = (server.to_owned(), frozen.clone(), connections.clone());
        let listening = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                let (server, freezing, acceptor) = (server.clone(), freezing.clone(), acceptor.clone());
                let passing = tokio::spawn(async move {
                    let server = TcpStream::connect(&server).await.unwrap();
                    match acceptor {
                        Some(acceptor) => encrypted(client, server, acceptor).await,
                        None => pass(client, server, &freezing).await,
                    }
                });
                known.lock().unwrap().push(passing.abort_handle());
            }
        });
        Self { address, frozen, listening: listening.abort_handle(), connections }
    }

    /// The address through the proxy.
    pub(crate) fn url(&self, url: &str) -> String {
        let (before, _, after) = split(url);
        format!("{before}{}{after}", self.address)
    }

    /// From now on nothing is passed on in either direction, and nothing is closed: as when a cable is pulled.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }

    /// Closes everything.
    pub(crate) fn stop(&self) {
        self.listening.abort();
        for connection in self.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }
}

async fn pass(client: TcpStream, server: TcpStream, frozen: &AtomicBool) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let one = pump(&mut from_client, &mut to_server, frozen);
    let other = pump(&mut from_server, &mut to_client, frozen);
    tokio::select! { () = one => {}, () = other => {} }
}

async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    frozen: &AtomicBool,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(many) = from.read(&mut bytes).await {
        while frozen.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        if many == 0 || to.write_all(&bytes[..many]).await.is_err() {
            return;
        }
    }
}

/// The request for TLS is 8 bytes, the answer `S`.
async fn encrypted(mut client: TcpStream, mut server: TcpStream, acceptor: TlsAcceptor) {
    let mut request = [0; 8];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "it asks for TLS first");
    client.write_all(b"S").await.unwrap();
    if let Ok(mut client) = acceptor.accept(client).await {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
