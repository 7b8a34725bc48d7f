//! Redirects, and the addresses in `Location`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::describe::{DescribeResponse, Operation, Parameter, Place, ResponseSpec, schema_of};

/// Sends the client elsewhere.
///
/// ```
/// use mainstay_http::respond::Redirect;
///
/// async fn save() -> Redirect {
///     Redirect::see_other("/articles")
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    location: HeaderValue,
}

impl Redirect {
    /// 303: look at this with GET. What to answer after a form was handled.
    ///
    /// This one and its siblings go wherever you say. For an address that came with the request, use
    /// [`Redirect::local`].
    pub fn see_other(to: &str) -> Self {
        Self { status: StatusCode::SEE_OTHER, location: location(to) }
    }

    /// 307: for now, do the same there, with the same method and body.
    pub fn temporary(to: &str) -> Self {
        Self { status: StatusCode::TEMPORARY_REDIRECT, location: location(to) }
    }

    /// 308: from now on, do the same there, with the same method and body.
    pub fn permanent(to: &str) -> Self {
        Self { status: StatusCode::PERMANENT_REDIRECT, location: location(to) }
    }

    /// 301: it has moved; clients make a GET of a POST. For old pages.
    pub fn moved(to: &str) -> Self {
        Self { status: StatusCode::MOVED_PERMANENTLY, location: location(to) }
    }

    /// 303 to a page of this site, as in `?next=/settings`. An address that could lead to another site becomes `/`, so
    /// that nobody can use this one to lend a phishing page its name.
    pub fn local(to: &str) -> Self {
        Self::see_other(if is_local(to) { to } else { "/" })
    }
}

/// Whether a browser stays on the same site when it follows this.
///
/// Browsers take `\` for `/`, and drop tabs and line breaks before they look, so `/\evil.com` and `/<tab>/evil.com`
/// are `//evil.com`, which is another site.
pub(crate) fn is_local(to: &str) -> bool {
    to.starts_with('/') && !to.starts_with("//") && !to.contains('\\') && !to.contains(char::is_control)
}

/// What an address must not have unencoded. `%` may stay: what is encoded already remains so.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// An address as the value of a header: letters outside ASCII, spaces and line breaks are percent-encoded.
pub(super) fn location(to: &str) -> HeaderValue {
    let encoded: String = utf8_percent_encode(to, UNSAFE).collect();
    HeaderValue::try_from(encoded).unwrap_or_else(|_| HeaderValue::from_static("/"))
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::LOCATION, self.location);
        response
    }
}

/// Which of the four is known when it is made; 303 is by far the most common.
impl DescribeResponse for Redirect {
    fn describe(operation: &mut Operation) {
        let location = Parameter::new(Place::Header, "Location").required().schema(schema_of::<str>());
        operation.response(ResponseSpec::new(303).description("See another address.").header(location));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(redirect: Redirect) -> String {
        redirect.into_response().headers()[header::LOCATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn stays_on_this_site_when_told_so() {
        for good in [
            "/",
            "/a?next=//b",
            "/a//b",
            "/a#b",
            "/%2F%2Fevil.com",
            "/..//evil.com",
            "/.//evil.com",
            "/@evil.com",
        ] {
            assert_eq!(target(Redirect::local(good)), good);
        }
        for bad in [
            "//evil.com",
            "/\\evil.com",
            "\\/evil.com",
            "/\t/evil.com",
            "/\n/evil.com",
            "https://evil.com",
            "evil.com",
            "javascript:alert(1)",
            "",
            " //evil.com",
            "\u{1}//evil.com",
            "https:evil.com",
            "https:/evil.com",
            "user@evil.com",
            "\u{2028}//evil.com",
            "/a\u{85}b",
            "/\r\n/evil.com",
            "///evil.com",
            "/\t\\evil.com",
            "?next=a",
            "#a",
        ] {
            assert_eq!(target(Redirect::local(bad)), "/", "{bad:?}");
        }
    }

    #[test]
    fn encodes_what_a_header_cannot_hold() {
        assert_eq!(target(Redirect::see_other("/täg?a=b c%20d")), "/t%C3%A4g?a=b%20c%20d");
        assert_eq!(target(Redirect::see_other("/a\r\nSet-Cookie: x")), "/a%0D%0ASet-Cookie:%20x");
    }

    #[test]
    fn says_how_to_go_there() {
        let status = |redirect: Redirect| redirect.into_response().status().as_u16();
        assert_eq!(status(Redirect::see_other("/")), 303);
        assert_eq!(status(Redirect::temporary("/")), 307);
        assert_eq!(status(Redirect::permanent("/")), 308);
        assert_eq!(status(Redirect::moved("/")), 301);
    }

    proptest::proptest! {
        #[test]
        fn any_address_becomes_a_header(to in ".{0,60}") {
            let value = location(&to);
            proptest::prop_assert!(value.to_str().is_ok());
        }

        /// As browsers read it (WHATWG URL), whatever it is.
        #[test]
        fn an_address_of_this_site_leads_nowhere_else(
            to in "[/\\\\.@:?#%\\t\\r\\n a-z0-9\u{0}\u{7f}\u{a0}\u{2028}\u{ff0f}]{0,24}",
            start in "(/|//|/\\\\|\\\\|https:|/\\t/|/\\.\\.//|/%2f/|/%5c/|)(evil\\.com|@evil\\.com|)",
        ) {
            let here = url::Url::parse("https://shop.example:8443/account/login?next=x").unwrap();
            for to in [to.clone(), format!("{start}{to}")] {
                let there = here.join(&target(Redirect::local(&to))).unwrap();
                proptest::prop_assert_eq!(there.origin(), here.origin(), "{:?}", to);
                proptest::prop_assert_eq!((there.username(), there.password()), ("", None), "{:?}", to);
            }
        }
    }
}
