//! A listener under test, and clients that speak bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mainstay_core::Profile;
use mainstay_http::listen::{Bound, ConnectionMetrics, Dispatch, Drained, ListenConfig, LocalAddress, Peer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Settings for a free port and short waits.
pub(crate) fn quick() -> ListenConfig {
    ListenConfig {
        port: 0,
        header_read_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(600),
        handshake_timeout: Duration::from_millis(300),
        write_timeout: Duration::from_millis(500),
        drain_timeout: Duration::from_secs(5),
        ..ListenConfig::default()
    }
}

/// Requests to `/slow/…` that were dropped before they were answered.
pub(crate) static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct CountsDrop;

impl Drop for CountsDrop {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

/// Answers `/slow/<ms>` after that long, `/upgrade` with an echo of bytes, `/echo` with the body, `/protocol` with what is spoken, `/endless` for ever,
/// `/panic` with a panic, `/bare` with nothing, and everything else with `hello`.
pub(crate) struct Echo;

impl Dispatch for Echo {
    async fn dispatch(&self, mut request: Request<Incoming>, peer: &Arc<Peer>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if let Some(wait) = path.strip_prefix("/slow/") {
            let counts = CountsDrop;
            tokio::time::sleep(Duration::from_millis(wait.parse().unwrap())).await;
            std::mem::forget(counts);
            return Response::new(Body::from("slow"));
        }
        match path.as_str() {
            "/echo" => match request.into_body().collect().await {
                Ok(body) => Response::new(Body::from(body.to_bytes())),
                Err(_) => status(StatusCode::BAD_REQUEST),
            },
            "/protocol" => Response::new(Body::from(format!("{:?} {:?}", peer.protocol, peer.tls))),
            "/endless" => {
                let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
                let chunks =
                    futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
                Response::new(Body::from_stream(chunks))
            }
            "/upgrade" => {
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    let upgraded = TokioIo::new(upgrade.await.unwrap());
                    let (mut read, mut write) = tokio::io::split(upgraded);
                    let _cut_or_closed = tokio::io::copy(&mut read, &mut write).await;
                });
                let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
                for (name, value) in [("connection", "upgrade"), ("upgrade", "echo")] {
                    response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
                }
                response
            }
            "/refuse" => status(StatusCode::PAYLOAD_TOO_LARGE),
            "/panic" => panic!("a handler panics, as the test wants"),
            _ => Response::new(Body::from("hello")),
        }
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A listener that serves until it is told to stop.
pub(crate) struct Server {
    pub(crate) address: LocalAddress,
    pub(crate) metrics: Arc<ConnectionMetrics>,
    stop: oneshot::Sender<Option<Instant>>,
    serving: JoinHandle<Drained>,
}

impl Server {
    pub(crate) async fn start(config: &ListenConfig) -> Self {
        Self::serve(config.bind(&Profile::Test).await.unwrap(), Echo)
    }

    pub(crate) fn serve(bound: Bound, dispatch: impl Dispatch) -> Self {
        let (stop, stopped) = oneshot::channel();
        let address = bound.address();
        let metrics = bound.metrics();
        let serving = tokio::spawn(bound.serve(Arc::new(dispatch), async { stopped.await.unwrap_or(None) }));
        Self { address, metrics, stop, serving }
    }

    pub(crate) fn socket(&self) -> SocketAddr {
        match &self.address {
            LocalAddress::Ip(address) => *address,
            LocalAddress::Unix(path) => panic!("listens at {}", path.display()),
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.socket()).await.unwrap()
    }

    /// Drains within this time.
    pub(crate) async fn stop(self, within: Duration) -> Drained {
        self.stop.send(Some(Instant::now() + within)).unwrap();
        self.serving.await.unwrap()
    }

    /// Asks it to stop and goes on.
    pub(crate) fn begin_stop(self, within: Duration) -> JoinHandle<Drained> {
        self.stop.send(Some(Instant::now() + within)).unwrap();
        self.serving
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends bytes and reads until the end of the connection.
pub(crate) async fn say(stream: &mut TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    hear(stream).await
}

/// Reads to the end of the connection.
pub(crate) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut heard = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut heard))
        .await
        .expect("the connection must end")
        .expect("the connection must end in order");
    String::from_utf8_lossy(&heard).into_owned()
}

/// Reads one response whose length is given. `None` at the end of the connection.
pub(crate) async fn response(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut heard = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&heard).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
                })
                .map_or(0, |length| length.parse::<usize>().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut byte = [0; 4096];
        match stream.read(&mut byte).await {
            Ok(0) if heard.is_empty() => return None,
            Ok(0) => panic!("half a response: {text}"),
            Ok(read) => heard.extend_from_slice(&byte[..read]),
            Err(error) => panic!("no response: {error}"),
        }
    }
}
