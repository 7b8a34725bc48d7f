//! What came back, and what a test claims of it.

use std::fmt;
use std::panic::Location;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::difference::{Extent, differences};

/// A body is shown up to here when a claim fails.
const SHOWN: usize = 32 * 1024;

/// An answer, with its whole body.
///
/// Each `assert_…` returns the response, so that claims can be chained. When one fails, the panic shows all of the
/// response; so does printing it.
pub struct TestResponse {
    pub(crate) line: String,
    pub(crate) place: &'static Location<'static>,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    #[cfg(feature = "db")]
    pub(crate) queries: Option<crate::Queries>,
}

impl TestResponse {
    /// The status. It can be compared with a number.
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The first header of that name, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) => self.fail(format_args!("the body is no text: {error}")),
        }
    }

    /// The body, read from JSON.
    ///
    /// # Panics
    /// When it is not JSON, or not of this type; with the path to what does not fit.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        match serde_path_to_error::deserialize(&mut json) {
            Ok(value) => value,
            Err(error) => self.fail(format_args!("the body is no `{}`: {error}", std::any::type_name::<T>())),
        }
    }

    /// Claims a status.
    #[track_caller]
    pub fn assert_status(&self, expected: u16) -> &Self {
        self.claim(self.parts.status == expected, format_args!("expected status {expected}"))
    }

    /// Claims a status of 200 to 299.
    #[track_caller]
    pub fn assert_success(&self) -> &Self {
        self.claim(self.parts.status.is_success(), format_args!("expected success"))
    }

    /// Claims that a header is there, with this value. Of several, one must have it.
    #[track_caller]
    pub fn assert_header(&self, name: &str, expected: &str) -> &Self {
        let found =
            self.parts.headers.get_all(name).iter().any(|value| value.as_bytes() == expected.as_bytes());
        self.claim(found, format_args!("expected the header `{name}: {expected}`"))
    }

    /// Claims that no such header is there.
    #[track_caller]
    pub fn assert_no_header(&self, name: &str) -> &Self {
        self.claim(!self.parts.headers.contains_key(name), format_args!("expected no header `{name}`"))
    }

    /// Claims a redirect to this address.
    #[track_caller]
    pub fn assert_redirect(&self, location: &str) -> &Self {
        let redirects = self.parts.status.is_redirection() && self.header("location") == Some(location);
        self.claim(redirects, format_args!("expected a redirect to `{location}`"))
    }

    /// Claims that the body is this text.
    #[track_caller]
    pub fn assert_text(&self, expected: &str) -> &Self {
        self.claim(self.body == expected.as_bytes(), format_args!("expected the body {expected:?}"))
    }

    /// Claims that the body has this text in it.
    #[track_caller]
    pub fn assert_text_contains(&self, expected: &str) -> &Self {
        self.claim(self.text().contains(expected), format_args!("expected a body with {expected:?} in it"))
    }

    /// Claims that the body is this JSON, and no more.
    #[track_caller]
    pub fn assert_json(&self, expected: Value) -> &Self {
        self.claim_json(&self.json(), &expected, Extent::Exactly)
    }

    /// Claims that the body has this JSON in it: its objects may have more members. Arrays have as many elements.
    #[track_caller]
    pub fn assert_json_contains(&self, expected: Value) -> &Self {
        self.claim_json(&self.json(), &expected, Extent::AtLeast)
    }

    /// Claims what the body has at a JSON pointer (RFC 6901), such as `/articles/0/slug`.
    #[track_caller]
    pub fn assert_json_at(&self, pointer: &str, expected: Value) -> &Self {
        let body: Value = self.json();
        match body.pointer(pointer) {
            Some(found) => self.claim_json(found, &expected, Extent::Exactly),
            None => self.fail(format_args!("expected {expected} at `{pointer}`, and nothing is there")),
        }
    }

    /// Claims problem details (RFC 9457) of this status and code.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> &Self {
        self.assert_status(status);
        let is_problem = self.header("content-type") == Some("application/problem+json");
        self.claim(is_problem, format_args!("expected problem details"));
        self.assert_json_at("/code", code.into())
    }

    /// Which statements the database ran while the request was answered, also those of others.
    ///
    /// # Panics
    /// When the application has no database.
    #[cfg(feature = "db")]
    #[track_caller]
    pub fn queries(&self) -> &crate::Queries {
        match &self.queries {
            Some(queries) => queries,
            None => self.fail(format_args!("the application has no database")),
        }
    }

    /// Claims that the database ran at most so many statements. The panic shows them.
    #[cfg(feature = "db")]
    #[track_caller]
    pub fn assert_queries_at_most(&self, most: usize) -> &Self {
        self.claim(self.queries().count() <= most, format_args!("expected at most {most} statements"))
    }

    #[track_caller]
    fn claim_json(&self, found: &Value, expected: &Value, extent: Extent) -> &Self {
        let differences = differences(expected, found, extent);
        self.claim(
            differences.is_empty(),
            format_args!("expected other JSON:\n  {}", differences.join("\n  ")),
        )
    }

    #[track_caller]
    fn claim(&self, holds: bool, what: fmt::Arguments<'_>) -> &Self {
        if holds { self } else { self.fail(what) }
    }

    #[track_caller]
    fn fail(&self, what: fmt::Arguments<'_>) -> ! {
        panic!("{what}\n\n{self}")
    }
}

impl fmt::Display for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (sent at {})\n{}", self.line, self.place, self.parts.status)?;
        for (name, value) in &self.parts.headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        writeln!(f)?;
        self.write_body(f)?;
        #[cfg(feature = "db")]
        if let Some(queries) = &self.queries {
            write!(f, "\n{queries}")?;
        }
        Ok(())
    }
}

impl TestResponse {
    fn write_body(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let media_type =
            self.parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let is_json = String::from_utf8_lossy(media_type).contains("json");
        let json = is_json.then(|| serde_json::from_slice::<Value>(&self.body).ok()).flatten();
        let text = match (json, std::str::from_utf8(&self.body)) {
            (Some(json), _) => format!("{json:#}"),
            (None, Ok(text)) => text.to_owned(),
            (None, Err(_)) => return writeln!(f, "({} bytes that are no text)", self.body.len()),
        };
        if text.is_empty() {
            return writeln!(f, "(no body)");
        }
        match text.char_indices().find(|(at, _)| *at >= SHOWN) {
            Some((end, _)) => writeln!(f, "{}… ({} bytes more)", &text[..end], text.len() - end),
            None => writeln!(f, "{text}"),
        }
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
