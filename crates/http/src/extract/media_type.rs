//! Content types of bodies.

use http::{HeaderMap, HeaderValue, header};
use mainstay_core::{Error, Result, StatusCode};

use super::words::clip;

/// A content type, such as `application/json; charset=utf-8`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MediaType<'a> {
    /// Type and subtype, as written.
    essence: &'a str,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    /// The content type of a request, where it has one that is readable.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        (!essence.is_empty()).then_some(Self { essence, parameters })
    }

    pub(crate) fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// `application/json`, or anything that ends in `+json`.
    pub(crate) fn is_json(&self) -> bool {
        let suffix = self.essence.len().checked_sub("+json".len()).and_then(|at| self.essence.get(at..));
        self.is("application/json") || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    }

    /// A parameter such as `charset` or `boundary`, without quotation marks.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// Refuses a text in another encoding than UTF-8, of which ASCII is a part.
    pub(crate) fn require_utf8(&self) -> Result<()> {
        match self.parameter("charset") {
            Some(charset)
                if !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)) =>
            {
                Err(Error::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    format!("The body must be encoded as UTF-8, and says that it is `{}`.", clip(charset)),
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Checks the content type of a request, or says what was expected and what was found.
#[track_caller]
pub(crate) fn require<'h>(
    headers: &'h HeaderMap,
    expected: &'static str,
    fits: impl FnOnce(&MediaType<'h>) -> bool,
) -> Result<MediaType<'h>> {
    let message = match MediaType::of(headers) {
        Some(found) if fits(&found) => return Ok(found),
        Some(found) => {
            format!("Expected a body of type `{expected}`, found `{}`.", clip(found.essence))
        }
        None => format!("The body has no content type: send `Content-Type: {expected}`."),
    };
    let error = Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    Err(error.header(header::ACCEPT, HeaderValue::from_static(expected)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())])
    }

    #[test]
    fn knows_json_by_its_suffix() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
            assert!(MediaType::of(&headers(good)).unwrap().is_json(), "{good}");
        }
        for bad in ["text/json", "application/jsonp", "json", "+jso"] {
            assert!(!MediaType::of(&headers(bad)).unwrap().is_json(), "{bad}");
        }
    }

    #[test]
    fn refuses_other_encodings() {
        assert!(MediaType::of(&headers("a/b; charset=\"UTF-8\"")).unwrap().require_utf8().is_ok());
        let error = MediaType::of(&headers("a/b; Charset=latin1")).unwrap().require_utf8().unwrap_err();
        assert_eq!(error.status(), 415);
        assert!(error.message().contains("`latin1`"));
    }

    #[test]
    fn says_what_was_expected_and_found() {
        let error = require(&headers("text/plain"), "application/json", MediaType::is_json).unwrap_err();
        assert_eq!(error.message(), "Expected a body of type `application/json`, found `text/plain`.");
        assert_eq!(error.headers()[header::ACCEPT], "application/json");
        let error = require(&HeaderMap::new(), "application/json", MediaType::is_json).unwrap_err();
        assert!(error.message().contains("`Content-Type: application/json`"));
    }
}
