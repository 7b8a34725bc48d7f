//! The floor: hyper 1 with a `match` on the path and nothing else.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use peers::{Message, PLAINTEXT};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = peers::listen().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            // A client that hangs up is no error here.
            let _hung_up = connection.await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (body, media_type) = match request.uri().path() {
        "/plaintext" => (Bytes::from_static(PLAINTEXT.as_bytes()), "text/plain"),
        "/json" => match serde_json::to_vec(&Message::hello()) {
            Ok(json) => (Bytes::from(json), "application/json"),
            Err(_) => return Ok(with_status(StatusCode::INTERNAL_SERVER_ERROR)),
        },
        _ => return Ok(with_status(StatusCode::NOT_FOUND)),
    };
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::SERVER, HeaderValue::from_static("hyper"));
    Ok(response)
}

fn with_status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
