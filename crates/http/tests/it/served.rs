//! A whole application behind a real socket: what only shows there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::Method;
use mainstay_core::config::Sources;
use mainstay_core::{App, Profile};
use mainstay_http::listen::ListenConfig;
use mainstay_http::{Http, Route, RoutesExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Served {
    http: Arc<Http>,
    port: u16,
    _stop: tokio::sync::oneshot::Sender<()>,
}

pub(crate) async fn serve(app: App) -> Served {
    let assembly = app.profile(Profile::Test).assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    let http = assembly.resolver().get::<Http>().await.unwrap().into_arc();
    let config = ListenConfig { port: 0, ..ListenConfig::default() };
    let bound = config.bind(&Profile::Test).await.unwrap();
    let port = bound.port().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = bound.serve(Arc::clone(&http), async move {
        let _ = stopped.await;
        None
    });
    tokio::spawn(serving);
    Served { http, port, _stop: stop }
}

impl Served {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// A connection.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    /// The whole answer to a head that closes the connection.
    pub(crate) async fn answer(&self, head: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(head).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The whole answer to one request on a connection of its own.
    async fn ask(&self, line: &str) -> String {
        let text = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut answer = String::new();
        self.send(&text).await.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[derive(Default)]
struct Seen {
    started: AtomicU32,
    done: AtomicU32,
}

fn slow(method: Method, seen: &Arc<Seen>) -> Route {
    let seen = Arc::clone(seen);
    Route::new(method, "/slow", move || {
        let seen = Arc::clone(&seen);
        async move {
            seen.started.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen.done.fetch_add(1, Ordering::SeqCst);
        }
    })
}

async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
}

#[tokio::test]
async fn a_hang_up_stops_get_and_lets_post_finish() {
    let (get, post) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let served = serve(App::new().route(slow(Method::GET, &get)).route(slow(Method::POST, &post))).await;
    for (method, seen) in [("GET", &get), ("POST", &post)] {
        let text = format!("{method} /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        let stream = served.send(&text).await;
        until(|| seen.started.load(Ordering::SeqCst) == 1).await;
        drop(stream);
    }
    until(|| post.done.load(Ordering::SeqCst) == 1).await;
    served.http.finished().await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(get.done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_leaves_the_connection_open_for_the_next_request() {
    async fn panics() {
        panic!("on purpose")
    }
    let served = serve(App::new().route(Route::new(Method::GET, "/panics", panics))).await;
    let two = "GET /panics HTTP/1.1\r\nhost: localhost\r\n\r\n\
               GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answers = String::new();
    served.send(two).await.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 500 ") && answers.contains("HTTP/1.1 404 "), "{answers}");
}

#[tokio::test]
async fn the_answer_to_head_is_that_to_get_without_a_body() {
    let served = serve(App::new().route(Route::new(Method::GET, "/a", async || "hello"))).await;
    let answer = served.ask("HEAD /a").await;
    assert!(answer.contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_path_that_is_no_path_gets_an_answer() {
    let served = serve(App::new().route(Route::new(Method::GET, "/a", async || "hello"))).await;
    for (line, status) in [
        ("OPTIONS *", "204"),
        ("GET *", "404"),
        ("CONNECT example.com:443", "421"),
        ("CONNECT localhost:443", "501"),
        ("GET /%", "400"),
        ("GET /a?%ff", "200"),
        ("BREW /a", "501"),
        ("GET http://localhost/a", "200"),
        ("GET http://evil.example/a", "421"),
    ] {
        let answer = served.ask(line).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
}
