//! Cookies that a client sends. [`SetCookie`](crate::respond::SetCookie) sets them.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use mainstay_core::keys::Keys;
use mainstay_core::{Error, Result};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::fields::{self, Origin};
use crate::describe::schema::describe_fields;
use crate::describe::{Describe, Operation, Place, Schematic};
use crate::respond::cookie::purpose;

/// The cookies of a request. What is no cookie is passed over, as RFC 6265 asks; it is never a reason to refuse.
///
/// ```
/// use mainstay_http::extract::Cookies;
///
/// async fn theme(cookies: Cookies) -> String {
///     cookies.get("theme").unwrap_or("light").to_owned()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies(Vec<(String, String)>);

impl Cookies {
    /// Those of these headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut cookies: Vec<(String, String)> = Vec::new();
        for (name, value) in lines(headers).flat_map(pairs) {
            // Of two cookies with one name, the one with the longer path comes first and is meant.
            if !cookies.iter().any(|(known, _)| known == name) {
                cookies.push((name.to_owned(), value.into_owned()));
            }
        }
        Self(cookies)
    }

    /// The value of one cookie among these headers, without reading the others.
    pub fn find<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<Cow<'h, str>> {
        Self::all(headers, wanted).next()
    }

    /// The values of all cookies of one name: a browser may have several, for different paths and domains.
    pub(crate) fn all<'h>(headers: &'h HeaderMap, wanted: &str) -> impl Iterator<Item = Cow<'h, str>> {
        lines(headers).flat_map(pairs).filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of one that [`SetCookie::signed`](crate::respond::SetCookie::signed) has set. None if there is none, its time is over,
    /// or somebody has changed it.
    pub fn signed(&self, keys: &Keys, name: &str) -> Option<String> {
        String::from_utf8(keys.verify(&purpose(name), self.get(name)?).ok()?).ok()
    }

    /// The value of one that [`SetCookie::sealed`](crate::respond::SetCookie::sealed) has set. None as there.
    pub fn sealed(&self, keys: &Keys, name: &str) -> Option<String> {
        String::from_utf8(keys.open(&purpose(name), self.get(name)?).ok()?).ok()
    }

    /// All of them: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::COOKIE).iter().filter_map(|line| std::str::from_utf8(line.as_bytes()).ok())
}

/// A line of the header: names and decoded values. A browser sends at most some 180 cookies a site, and so many are
/// looked at.
fn pairs(line: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    const MOST: usize = 200;
    line.split(';').take(MOST).filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        // Not more: were other white space taken for nothing, `\u{2000}__Host-session`, which any neighbour may set, would be
        // the `__Host-session` that none may.
        let space = [' ', '\t'];
        let (name, value) = (name.trim_matches(space), value.trim_matches(space));
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let value = percent_decode_str(value).decode_utf8().ok()?;
        (!name.is_empty()).then_some((name, value))
    })
}

impl<S: Sync> FromRequestParts<S> for Cookies {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Describe for Cookies {
    fn describe(_operation: &mut Operation) {}
}

/// Cookies, read into a struct: a field for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookie<T>(pub T);

impl<T> Deref for Cookie<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Cookie<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let cookies = Cookies::of(&parts.headers);
        let pairs = cookies.iter().map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
        fields::read(pairs.collect(), Origin::Cookie).map(Self)
    }
}

impl<T: Schematic> Describe for Cookie<T> {
    fn describe(operation: &mut Operation) {
        describe_fields::<T>(operation, Place::Cookie);
        super::parameter_errors(operation);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    fn cookies(lines: &[&str]) -> Cookies {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let all = Cookies::of(&headers);
        for (name, value) in all.iter() {
            assert_eq!(Cookies::find(&headers, name).as_deref(), Some(value));
        }
        all
    }

    #[test]
    fn reads_cookies_from_several_lines() {
        let all = cookies(&["a=1; b=\"two\";c=%C3%A9=;  =x; flag", "d=4; a=later"]);
        let found: Vec<_> = all.iter().collect();
        assert_eq!(found, [("a", "1"), ("b", "two"), ("c", "é="), ("d", "4")]);
        assert_eq!(all.get("flag"), None);
    }

    #[test]
    fn passes_over_what_is_no_text() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_bytes(b"a=\xff").unwrap());
        assert!(Cookies::of(&headers).is_empty());
        assert!(cookies(&["a=%ff"]).is_empty());
    }

    #[test]
    fn a_name_is_what_it_is_and_not_what_it_looks_like() {
        for lookalike in [
            "\u{2000}__Host-session=x",
            "\u{85}__Host-session=x",
            "__Host-session\u{a0}=x",
            "%5F%5FHost-session=x",
            "__host-session=x",
            "=__Host-session=x",
            "\"__Host-session\"=x",
        ] {
            assert_eq!(cookies(&[lookalike]).get("__Host-session"), None, "{lookalike:?}");
        }
        assert_eq!(cookies(&["a=1; \t__Host-session = x"]).get("__Host-session"), Some("x"));
    }

    #[tokio::test]
    async fn reads_cookies_into_a_struct() {
        #[derive(Debug, Deserialize)]
        struct Seen {
            visits: u32,
        }
        let mut parts =
            http::Request::builder().header("cookie", "visits=3; x=y").body(()).unwrap().into_parts().0;
        assert_eq!(Cookie::<Seen>::from_request_parts(&mut parts, &()).await.unwrap().visits, 3);
        let mut parts =
            http::Request::builder().header("cookie", "visits=-1").body(()).unwrap().into_parts().0;
        let error = Cookie::<Seen>::from_request_parts(&mut parts, &()).await.unwrap_err();
        assert_eq!(error.faults()[0].pointer, "cookie:visits");
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[^\\x00-\\x1f\\x7f]{0,60}") {
            cookies(&[&line]);
        }
    }
}
