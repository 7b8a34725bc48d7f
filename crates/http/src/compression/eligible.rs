//! Which responses are worth compressing, and which must not be touched.

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};

use super::Uncompressed;

/// Whether compression could make this response smaller without changing its meaning.
pub(super) fn may_be_compressed(response: &Response<Body>) -> bool {
    let headers = response.headers();
    response.status() != StatusCode::PARTIAL_CONTENT
        && !response.status().is_informational()
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && response.extensions().get::<Uncompressed>().is_none()
        && !forbids_transforming(headers)
        && headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| is_compressible(value.split(';').next().unwrap_or_default().trim()))
}

fn forbids_transforming(headers: &HeaderMap) -> bool {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case("no-transform")))
}

/// Media types that are text underneath, or as redundant. What is not known is left alone: most of it (images, video,
/// archives, fonts of the web) is compressed already.
///
/// Streams of events are left alone too: their messages are small, and a compressor for each of tens of thousands of
/// open streams would cost more memory than it saves traffic.
pub(crate) fn is_compressible(media_type: &str) -> bool {
    let lower = media_type.to_ascii_lowercase();
    let Some((kind, name)) = lower.split_once('/') else { return false };
    match (kind, name) {
        ("text", name) => name != "event-stream",
        ("application", name) if name.ends_with("+json") || name.ends_with("+xml") => true,
        ("application", name) => matches!(
            name,
            "json"
                | "javascript"
                | "x-javascript"
                | "ecmascript"
                | "xml"
                | "x-ndjson"
                | "jsonl"
                | "json-seq"
                | "graphql"
                | "yaml"
                | "x-yaml"
                | "toml"
                | "rtf"
                | "wasm"
                | "sql"
                | "x-www-form-urlencoded"
                | "vnd.ms-fontobject"
        ),
        ("image", name) => matches!(name, "svg+xml" | "bmp" | "x-icon" | "vnd.microsoft.icon"),
        ("font", name) => matches!(name, "ttf" | "otf" | "collection"),
        ("model", name) => name.ends_with("+json") || name.ends_with("+xml"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compresses_text_and_leaves_alone_what_is_compressed_already() {
        for yes in ["text/html", "Application/JSON", "application/problem+json", "image/svg+xml", "font/ttf"]
        {
            assert!(is_compressible(yes), "{yes}");
        }
        for no in ["image/png", "video/mp4", "application/zip", "font/woff2", "text/event-stream", "nonsense"]
        {
            assert!(!is_compressible(no), "{no}");
        }
    }
}
