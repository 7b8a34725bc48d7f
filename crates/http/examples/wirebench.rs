//! Scratch.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
use axum::body::Body;
use hyper::{Request, Response, body::Incoming};
use mainstay_http::listen::{Dispatch, ListenConfig, Peer};
use std::sync::Arc;
struct Plain;
fn answer() -> Response<Body> {
    let mut r = Response::new(Body::from("Hello, World!"));
    r.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("text/plain"));
    r
}
impl Dispatch for Plain {
    async fn dispatch(&self, _r: Request<Incoming>, _p: &Arc<Peer>) -> Response<Body> {
        answer()
    }
}
#[tokio::main(worker_threads = 1)]
async fn main() {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let mode = std::env::var("MODE").unwrap_or_default();
    if mode == "listen" {
        let c = ListenConfig { port, ..ListenConfig::default() };
        let b = c.bind(&mainstay_core::Profile::Test).await.unwrap();
        b.serve(Arc::new(Plain), std::future::pending()).await;
        return;
    }
    let l = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (io, _) = l.accept().await.unwrap();
        let _ = io.set_nodelay(true);
        let timer = mode == "timer";
        let auto = mode == "auto";
        tokio::spawn(async move {
            let svc = hyper::service::service_fn(|_r: Request<Incoming>| async {
                Ok::<_, std::convert::Infallible>(answer())
            });
            let io = hyper_util::rt::TokioIo::new(io);
            if auto {
                let mut b =
                    hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                b.http1().timer(hyper_util::rt::TokioTimer::new());
                let _ = b.serve_connection_with_upgrades(io, svc).await;
                return;
            }
            let mut b = hyper::server::conn::http1::Builder::new();
            if timer {
                b.timer(hyper_util::rt::TokioTimer::new());
            } else {
                b.header_read_timeout(None);
            }
            let _ = b.serve_connection(io, svc).await;
        });
    }
}
