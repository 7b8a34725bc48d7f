//! Compressed bodies, in both directions.
//!
//! In reading order:
//!
//! 1. `coding`: the content codings, and which of them a client takes (`Accept-Encoding`).
//! 2. `eligible`: which responses are worth it, and which must not be touched.
//! 3. `encode` and `decode`: the bodies themselves, piece by piece in bounded memory.
//!
//! [`CompressionConfig::compress`] is what the stack calls on the way out. [`decompress`] is what extractors call on the
//! way in: it hands out decompressed bytes as they are asked for, so whoever reads counts them against its limit, and a
//! zip bomb gets no further than that limit.

mod coding;
mod decode;
mod eligible;
mod encode;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY};
use http::{HeaderMap, HeaderValue, Method};
use http_body::{Body as _, Frame};
use mainstay_core::config::Problems;
use serde::{Deserialize, Serialize};

pub use coding::{Accepted, Coding};
pub use decode::{Malformed, decompress};
pub(crate) use eligible::is_compressible;

/// A known body up to this size is compressed at once, which gives the response a `Content-Length`.
const AT_ONCE: u64 = 64 * 1024;

/// Settings of compression: `[http.compression]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct CompressionConfig {
    /// Whether responses are compressed.
    pub enabled: bool,
    /// Bodies known to be smaller are left as they are: they would fit into one packet anyway.
    #[serde(with = "mainstay_core::config::bytes")]
    pub min_size: u64,
    /// The level of zstd, from 1 (fast) to 19 (small).
    pub zstd_level: i32,
    /// The quality of brotli, from 0 (fast) to 11 (small).
    pub brotli_level: i32,
    /// The level of gzip, from 1 (fast) to 9 (small).
    pub gzip_level: i32,
}

impl Default for CompressionConfig {
    fn default() -> Self {
        // Measured on JSON of 2, 22 and 218 kB. The next levels cost up to seven times as much and gain next to nothing;
        // brotli from 5 on costs milliseconds for a small page.
        Self { enabled: true, min_size: 1024, zstd_level: 3, brotli_level: 3, gzip_level: 4 }
    }
}

/// In a response's extensions: never compress it.
///
/// For a page that shows a secret beside something that a stranger chose, over TLS: the size of the compressed page would
/// tell how alike the two are (the BREACH attack).
#[derive(Clone, Copy, Debug)]
pub struct Uncompressed;

impl CompressionConfig {
    /// Finds what could not work. Keys are given as they stand in the section `http`.
    pub fn validate(&self, problems: &mut Problems) {
        for (key, level, range) in [
            ("compression.zstd_level", self.zstd_level, 1..=19),
            ("compression.brotli_level", self.brotli_level, 0..=11),
            ("compression.gzip_level", self.gzip_level, 1..=9),
        ] {
            if !range.contains(&level) {
                problems.add(key, format!("must be from {} to {}", range.start(), range.end()), None);
            }
        }
    }

    /// Compresses the response if the client takes it and it is worth it. `accepted` and `method` are those of the
    /// request.
    ///
    /// It sets `Vary: Accept-Encoding` on every response that might have been compressed for another client, and makes a
    /// strong `ETag` weak, since the same tag must not name two different rows of bytes.
    pub fn compress(&self, accepted: Accepted, method: &Method, response: &mut Response) {
        if !self.enabled {
            return;
        }
        let length = response.body().size_hint().exact();
        let must = accepted.refuses_identity();
        if length == Some(0) || (length.is_some_and(|length| length < self.min_size) && !must) {
            return;
        }
        if !eligible::may_be_compressed(response) {
            return;
        }
        vary(response.headers_mut());
        if method == Method::HEAD {
            return;
        }
        let Some(coding) = accepted.best(&Coding::FOR_DYNAMIC) else { return };
        let body = std::mem::take(response.body_mut());
        let mut encoded = encode::Encoded::new(body, self.encoder(coding, length));
        let at_once = if length.is_some_and(|length| length <= AT_ONCE) { whole(&mut encoded) } else { None };
        *response.body_mut() = match at_once {
            Some(Outcome::Whole(bytes)) => Body::from(bytes),
            Some(Outcome::Begun(first)) => Body::new(encode::Resumed::new(first, encoded)),
            None => Body::new(encoded),
        };
        let headers = response.headers_mut();
        // hyper writes the length of a body that has one.
        headers.remove(CONTENT_LENGTH);
        // Ranges would count the bytes of what is not sent.
        headers.remove(ACCEPT_RANGES);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        weaken(headers);
    }

    fn encoder(&self, coding: Coding, length: Option<u64>) -> encode::Encoder {
        let level = match coding {
            Coding::Zstd => self.zstd_level,
            Coding::Brotli => self.brotli_level,
            Coding::Gzip => self.gzip_level,
        };
        encode::Encoder::new(coding, level, length)
    }
}

enum Outcome {
    /// The body was there and is done.
    Whole(Bytes),
    /// It stopped in the middle: to wait for more, or with an error.
    Begun(VecDeque<Result<Frame<Bytes>, axum::Error>>),
}

/// Compresses what is there already. A response of a handler is nearly always complete in memory.
fn whole(encoded: &mut encode::Encoded) -> Option<Outcome> {
    // It is polled again before anybody waits for it, and then leaves its true waker.
    let mut context = Context::from_waker(Waker::noop());
    let mut pieces = VecDeque::new();
    loop {
        match Pin::new(&mut *encoded).poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => pieces.push_back(frame),
            Poll::Ready(None) => break,
            Poll::Pending if pieces.is_empty() => return None,
            Poll::Pending => return Some(Outcome::Begun(pieces)),
        }
    }
    let mut bytes = Bytes::new();
    for piece in &pieces {
        match piece.as_ref().ok().and_then(Frame::data_ref) {
            Some(data) if bytes.is_empty() => bytes = data.clone(),
            Some(data) => bytes = [bytes, data.clone()].concat().into(),
            // Trailers, or an error: nothing that fits into plain bytes.
            None => return Some(Outcome::Begun(pieces)),
        }
    }
    Some(Outcome::Whole(bytes))
}

/// Says that the response depends on `Accept-Encoding`.
pub(crate) fn vary(headers: &mut HeaderMap) {
    let known = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value
            .split(',')
            .map(str::trim)
            .any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
    });
    if !known {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

fn weaken(headers: &mut HeaderMap) {
    if let Some(tag) = headers.get(ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(ETAG, weak);
    }
}
