//! What is kept of an answer.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use mainstay_core::error::Context;
use mainstay_core::{Error, Result};

use super::IDEMPOTENT_REPLAYED;
use super::keys::IdempotencyKey;

/// The largest body that is kept, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Status, headers and body, if it is kept.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Answer {
    /// What is to be kept of a response, and the response.
    pub(super) async fn of(response: Response) -> Result<(Self, Response)> {
        let (parts, body) = response.into_parts();
        let mut headers = parts.headers.clone();
        // A cookie is for whoever asked then.
        headers.remove(header::SET_COOKIE);
        let not_stored = headers
            .get_all(header::CACHE_CONTROL)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("no-store")));
        // What has no end that is known is sent as it comes.
        if not_stored || body.size_hint().exact().is_none_or(|length| length > LARGEST) {
            let answer = Self { status: parts.status, headers, body: None };
            return Ok((answer, Response::from_parts(parts, body)));
        }
        let body = body.collect().await.context("the body of an answer")?.to_bytes();
        let answer = Self { status: parts.status, headers, body: Some(body.clone()) };
        Ok((answer, Response::from_parts(parts, Body::from(body))))
    }

    /// The answer that a key has, if it has one.
    pub(super) fn kept(key: &IdempotencyKey) -> Result<Option<Self>> {
        let (Some(status), Some(headers)) = (key.status, &key.headers) else { return Ok(None) };
        let status = u16::try_from(status).context("a kept status")?;
        let status = StatusCode::from_u16(status).context("a kept status")?;
        let pairs: Vec<(String, String)> = serde_json::from_str(headers).context("kept headers")?;
        let mut headers = HeaderMap::with_capacity(pairs.len() + 1);
        for (name, value) in pairs {
            let name = HeaderName::try_from(name).context("a kept header")?;
            let bytes: Vec<u8> = value.chars().filter_map(|byte| u8::try_from(byte).ok()).collect();
            headers.append(name, HeaderValue::from_bytes(&bytes).context("a kept header")?);
        }
        let body = key.body.clone().map(Bytes::from);
        Ok(Some(Self { status, headers, body }))
    }

    /// Its status, as it is stored.
    pub(super) fn status(&self) -> Option<i16> {
        i16::try_from(self.status.as_u16()).ok()
    }

    /// Its headers, as they are stored.
    pub(super) fn headers(&self) -> Result<String> {
        // A character for each byte, whatever it is.
        let text = |value: &HeaderValue| value.as_bytes().iter().copied().map(char::from).collect::<String>();
        let pairs = self.headers.iter().map(|(name, value)| (name.as_str(), text(value)));
        Ok(serde_json::to_string(&pairs.collect::<Vec<_>>())?)
    }

    /// Its body, as it is stored.
    pub(super) fn into_body(self) -> Option<Vec<u8>> {
        self.body.map(Vec::from)
    }

    /// The answer, given once more.
    pub(super) fn replayed(self) -> Result<Response> {
        let Some(body) = self.body else {
            let message = "This request was done before, and its answer is not kept.";
            return Err(Error::conflict(message).code("idempotency_answer_not_kept"));
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}
