//! What is kept of an answer.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::response::Response;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::Body as _;
use mainstay_core::Error;
use mainstay_http::Exchange;
use mainstay_http::compression::Uncompressed;
use mainstay_http::extract::EntityTag;
use mainstay_store::Store;

use super::Inner;
use super::fields::{directives, varying};

/// The form below. What has another is not read.
const FORM: u8 = 1;

/// Fields of one connection, of one client, or of the moment (RFC 9111, 3.1).
const NOT_KEPT: [HeaderName; 11] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::AGE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("cache-status"),
];

/// An answer with status 200, as it is kept.
pub(super) struct Answer {
    pub(super) times: Times,
    is_uncompressed: bool,
    headers: HeaderMap,
    body: Bytes,
}

/// When an answer was made, and how long it is fresh, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    made: u64,
    fresh: u64,
}

impl Times {
    fn new(made: SystemTime, fresh: Duration) -> Self {
        let since = made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { made: milliseconds(since), fresh: milliseconds(fresh) }
    }

    /// The times of a kept answer, without reading the rest of it.
    pub(super) fn of(mut kept: &[u8]) -> Option<Self> {
        if kept.try_get_u8().ok()? != FORM {
            return None;
        }
        Some(Self { made: kept.try_get_u64().ok()?, fresh: kept.try_get_u64().ok()? })
    }

    /// How old it is. A clock that was set back makes nothing younger than new.
    pub(super) fn age(self, now: SystemTime) -> Duration {
        let now = milliseconds(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        Duration::from_millis(now.saturating_sub(self.made))
    }

    /// For how long it is fresh, when it is new.
    pub(super) fn fresh(self) -> Duration {
        Duration::from_millis(self.fresh)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Inner {
    /// For how long an answer may be kept, or why it may not.
    pub(super) fn lifetime(
        &self,
        response: &Response,
        exchange: Option<&Exchange>,
    ) -> Result<Duration, &'static str> {
        let headers = response.headers();
        if response.status() != StatusCode::OK || headers.contains_key(header::CONTENT_RANGE) {
            return Err("status");
        }
        if headers.contains_key(header::SET_COOKIE) {
            return Err("set-cookie");
        }
        if varying(headers).any(|name| !self.headers.contains(&name)) {
            return Err("vary");
        }
        let policies = headers.get_all(header::CONTENT_SECURITY_POLICY).iter();
        let mut policies = policies.filter_map(|policy| policy.to_str().ok());
        if exchange.is_some_and(Exchange::has_csrf_token) {
            return Err("csrf");
        }
        if exchange.is_none_or(Exchange::has_nonce) || policies.any(|policy| policy.contains("'nonce-")) {
            return Err("nonce");
        }
        // What has no end that is known is sent as it comes.
        match response.body().size_hint().exact() {
            None => return Err("stream"),
            Some(length) if length > self.max_body => return Err("too-large"),
            Some(_) => {}
        }
        let (mut own, mut shared) = (None, None);
        for (name, value) in directives(headers) {
            match name.as_str() {
                "no-store" | "no-cache" | "private" => return Err("cache-control"),
                // What cannot be read is over already (RFC 9111, 4.2.1).
                "max-age" => own = Some(value.parse().unwrap_or(0)),
                "s-maxage" => shared = Some(value.parse().unwrap_or(0)),
                _ => {}
            }
        }
        let most = shared.or(own).map_or(Duration::MAX, Duration::from_secs);
        if most.is_zero() { Err("cache-control") } else { Ok(self.fresh.min(most)) }
    }
}

impl Answer {
    /// What is kept of a response with this body.
    pub(super) fn new(response: &mut Response, body: Bytes, now: SystemTime, fresh: Duration) -> Self {
        let is_uncompressed = response.extensions().get::<Uncompressed>().is_some();
        let headers = response.headers_mut();
        if !headers.contains_key(header::ETAG) {
            let tag = EntityTag::strong(&Store::digest_of(&body)[..32]).to_string();
            if let Ok(tag) = HeaderValue::try_from(tag) {
                headers.insert(header::ETAG, tag);
            }
        }
        let mut headers = headers.clone();
        for name in NOT_KEPT {
            headers.remove(name);
        }
        // Of an answer without its body, nobody else knows the length.
        if !body.is_empty() {
            headers.remove(header::CONTENT_LENGTH);
        }
        Self { times: Times::new(now, fresh), is_uncompressed, headers, body }
    }

    /// The answer as a value for the store: the form, the times, marks, how many fields, each with the lengths of name and value
    /// before them, the body.
    pub(super) fn write(&self) -> Option<Bytes> {
        let mut kept = BytesMut::with_capacity(512 + self.body.len());
        kept.put_u8(FORM);
        kept.put_u64(self.times.made);
        kept.put_u64(self.times.fresh);
        kept.put_u8(u8::from(self.is_uncompressed));
        kept.put_u32(u32::try_from(self.headers.len()).ok()?);
        for (name, value) in &self.headers {
            kept.put_u32(u32::try_from(name.as_str().len()).ok()?);
            kept.put_u32(u32::try_from(value.len()).ok()?);
            kept.put_slice(name.as_str().as_bytes());
            kept.put_slice(value.as_bytes());
        }
        kept.put_slice(&self.body);
        Some(kept.freeze())
    }

    /// The answer that a value is, if it is one. It shares the value's memory.
    pub(super) fn read(kept: &Bytes) -> Option<Self> {
        let times = Times::of(kept)?;
        let mut rest = kept.slice(1 + 8 + 8..);
        let is_uncompressed = rest.try_get_u8().ok()? != 0;
        let count = rest.try_get_u32().ok()?;
        let mut headers = HeaderMap::new();
        for _ in 0..count {
            let (name, value) = (rest.try_get_u32().ok()?, rest.try_get_u32().ok()?);
            let name = HeaderName::from_bytes(&take(&mut rest, name)?).ok()?;
            headers.append(name, HeaderValue::from_maybe_shared(take(&mut rest, value)?).ok()?);
        }
        Some(Self { times, is_uncompressed, headers, body: rest })
    }

    pub(super) fn into_response(self, now: SystemTime) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(header::AGE, HeaderValue::from(self.times.age(now).as_secs()));
        if self.is_uncompressed {
            response.extensions_mut().insert(Uncompressed);
        }
        response
    }
}

fn take(rest: &mut Bytes, length: u32) -> Option<Bytes> {
    let length = usize::try_from(length).ok()?;
    (length <= rest.len()).then(|| rest.split_to(length))
}

/// The whole body of a response whose length is known.
pub(super) async fn collect(body: Body, most: u64) -> Result<Bytes, Error> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    axum::body::to_bytes(body, most)
        .await
        .map_err(|error| Error::internal("the body of an answer").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Bytes {
        let mut response = Response::new(Body::empty());
        response.headers_mut().append("x-name", HeaderValue::from_bytes(b"gr\xfc\xdfe").unwrap());
        response.headers_mut().append("x-name", HeaderValue::from_static(""));
        response.extensions_mut().insert(Uncompressed);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        Answer::new(&mut response, "body".into(), now, Duration::from_secs(60)).write().unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        let answer = Answer::read(&kept()).unwrap();
        assert_eq!(answer.times.fresh(), Duration::from_secs(60));
        let response = answer.into_response(SystemTime::UNIX_EPOCH + Duration::from_secs(1007));
        let values: Vec<_> = response.headers().get_all("x-name").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [b"gr\xfc\xdfe".as_slice(), b""]);
        assert_eq!(response.headers()["age"], "7");
        assert!(
            response.headers().contains_key("etag") && response.extensions().get::<Uncompressed>().is_some()
        );
    }

    #[test]
    fn what_is_cut_off_or_of_another_form_is_no_answer_and_no_panic() {
        let whole = kept();
        let body = whole.len() - "body".len();
        for length in 0..body {
            assert!(Answer::read(&whole.slice(..length)).is_none(), "{length}");
        }
        let mut other = whole.to_vec();
        other[0] = 2;
        assert!(Answer::read(&other.into()).is_none());
        for at in 0..body {
            let mut broken = whole.to_vec();
            broken[at] ^= 0xff;
            let _ = Answer::read(&broken.into());
        }
    }
}
