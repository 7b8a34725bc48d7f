//! A server that does what it is told to, by the byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Writes this, and waits for the next request.
    Whole(String),
    /// Writes this, and hangs up.
    Part(String),
    /// Writes this, and then nothing, for ever.
    Hang(String),
    /// Writes the first, and then the second again and again.
    Endless(String, String),
}

pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// A server at 127.0.0.1. `reply` gets the number of the request, from 0, and the request as text.
    pub(crate) async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", reply).await
    }

    pub(crate) async fn at(
        address: &str,
        reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (reply, noted) = (Arc::new(reply), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (reply, noted) = (Arc::clone(&reply), Arc::clone(&noted));
                tokio::spawn(async move { serve(stream, &*reply, &noted).await });
            }
        });
        Self { address, seen, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Reply {
    Reply::Whole(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
}

pub(crate) fn redirect(status: u16, location: &str) -> Reply {
    answer(status, &format!("location: {location}\r\n"), "")
}

pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    reply: &(dyn Fn(usize, &str) -> Reply + Send + Sync),
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    loop {
        let request = read(&mut stream).await?;
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match reply(number, &request) {
            Reply::Whole(text) => stream.write_all(text.as_bytes()).await.ok()?,
            Reply::Part(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                stream.shutdown().await.ok()?;
                return None;
            }
            Reply::Hang(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            Reply::Endless(first, again) => {
                stream.write_all(first.as_bytes()).await.ok()?;
                loop {
                    stream.write_all(again.as_bytes()).await.ok()?;
                }
            }
        }
    }
}

/// A request, head and body. None when the client has hung up.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
