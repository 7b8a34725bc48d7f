//! Files: as a response, from a folder, from memory, as an application of one page.

mod folder;
mod response;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use axum::response::Response;
use http_body_util::BodyExt;

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

fn request(method: Method, uri: &str, pairs: &[(HeaderName, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    *request.headers_mut() = headers(pairs);
    request.into_parts().0
}

async fn body(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
