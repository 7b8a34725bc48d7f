//! Cookies that a response sets, as RFC 6265bis has them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::{HeaderValue, header};
use mainstay_core::keys::Keys;
use mainstay_core::{Error, Result};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::describe::{DescribeParts, Parameter, Place, ResponseSpec};
use crate::exchange::Scheme;

/// A cookie for the client to keep, with careful defaults: it is sent over encrypted connections only (`Secure`;
/// browsers make an exception for `localhost`), hidden from scripts (`HttpOnly`), not sent along with what other
/// sites post (`SameSite=Lax`), for the whole site (`Path=/`), until the browser is closed.
///
/// A value may be any text: what a cookie cannot hold is percent-encoded, and decoded again by
/// [`Cookies`](crate::extract::Cookies).
///
/// ```
/// use std::time::Duration;
/// use mainstay_http::respond::{Redirect, SetCookie};
///
/// async fn choose() -> (SetCookie, Redirect) {
///     let theme = SetCookie::new("theme", "dark").max_age(Duration::from_secs(365 * 86_400)).visible_to_scripts();
///     (theme, Redirect::see_other("/"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a cookie is set by being part of a response"]
pub struct SetCookie {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    max_age: Option<Duration>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    partitioned: bool,
}

/// Whether a cookie goes along when another site causes the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user follows a link.
    #[default]
    Lax,
    /// Always. Needs `Secure`.
    None,
}

impl SetCookie {
    /// A cookie with the defaults above.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".to_owned(),
            domain: None,
            max_age: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            partitioned: false,
        }
    }

    /// A cookie that the client can read and cannot change: [`Cookies::signed`](crate::extract::Cookies::signed) returns what was
    /// written here, under this name alone, and for so long. A copy of it is as good as itself: what must be used once, or ended
    /// early, belongs into a [session](crate::session).
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstay_core::Inject;
    /// use mainstay_core::keys::Keys;
    /// use mainstay_http::extract::Cookies;
    /// use mainstay_http::respond::SetCookie;
    ///
    /// async fn choose(keys: Inject<Keys>) -> SetCookie {
    ///     SetCookie::signed(&keys, "variant", "b", Duration::from_secs(30 * 86_400))
    /// }
    ///
    /// async fn show(keys: Inject<Keys>, cookies: Cookies) -> String {
    ///     cookies.signed(&keys, "variant").unwrap_or_else(|| "a".to_owned())
    /// }
    /// ```
    pub fn signed(keys: &Keys, name: impl Into<String>, value: &str, lifetime: Duration) -> Self {
        let name = name.into();
        let value = keys.sign(&purpose(&name), value.as_bytes(), Some(lifetime));
        Self::new(name, value).max_age(lifetime)
    }

    /// The same, and the client cannot read it either: [`Cookies::sealed`](crate::extract::Cookies::sealed).
    pub fn sealed(keys: &Keys, name: impl Into<String>, value: &str, lifetime: Duration) -> Self {
        let name = name.into();
        let value = keys.seal(&purpose(&name), value.as_bytes(), Some(lifetime));
        Self::new(name, value).max_age(lifetime)
    }

    /// Takes a cookie away. Path and domain must be those that it was set with.
    pub fn remove(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// Sends it only below this path.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sends it to the hosts of this domain too. Without it, only to the host that set it.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Keeps it for so long, in whole seconds; browsers cut it to 400 days.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sends it over connections in the clear, too.
    pub fn insecure(mut self) -> Self {
        self.secure = false;
        self
    }

    /// As secure as the connection is: over one in the clear, browsers keep none that is `Secure`.
    pub fn over(self, scheme: Scheme) -> Self {
        match scheme {
            Scheme::Https => self,
            Scheme::Http => self.insecure(),
        }
    }

    /// The name of a cookie that only this host can set, for all of it: with the prefix `__Host-` over HTTPS (RFC 6265bis, 4.1.3.2), and
    /// as it is over a connection in the clear, where there is no such thing.
    pub fn name_for(name: &str, scheme: Scheme) -> Cow<'_, str> {
        name_for(name, scheme)
    }

    /// Lets scripts read it.
    pub fn visible_to_scripts(mut self) -> Self {
        self.http_only = false;
        self
    }

    /// Says whether it goes along when another site causes the request.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Keeps it apart for each site that embeds this one.
    pub fn partitioned(mut self) -> Self {
        self.partitioned = true;
        self
    }

    /// The value of the `Set-Cookie` header. Fails where browsers would drop the cookie without a word.
    pub fn to_header(&self) -> Result<HeaderValue> {
        self.check().map_err(|fault| Error::internal(format!("the cookie `{}` {fault}", self.name)))?;
        let mut text = format!("{}={}", self.name, utf8_percent_encode(&self.value, NOT_IN_VALUES));
        if text.len() > LARGEST {
            let problem =
                format!("the cookie `{}` is larger than the {LARGEST} bytes that browsers keep", self.name);
            return Err(Error::internal(problem));
        }
        text.push_str("; Path=");
        text.push_str(&self.path);
        if let Some(domain) = &self.domain {
            text.push_str("; Domain=");
            text.push_str(domain);
        }
        if let Some(age) = self.max_age {
            // Writing into a string cannot fail.
            let _ = write!(text, "; Max-Age={}", age.as_secs());
        }
        for (on, attribute) in
            [(self.secure, "; Secure"), (self.http_only, "; HttpOnly"), (self.partitioned, "; Partitioned")]
        {
            text.push_str(if on { attribute } else { "" });
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        HeaderValue::try_from(text)
            .map_err(|error| Error::internal(format!("the cookie `{}`", self.name)).caused_by(error))
    }

    fn check(&self) -> Result<(), &'static str> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_attribute = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b';');
        let has_prefix = |prefix: &str| {
            self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if self.name.is_empty() || !self.name.bytes().all(is_token) {
            return Err("has a name with characters that no name may have");
        }
        if !self.path.starts_with('/') || !is_attribute(&self.path) {
            return Err("has a path that does not begin with `/`, or has characters that no path may have");
        }
        if self.domain.as_deref().is_some_and(|domain| domain.is_empty() || !is_attribute(domain)) {
            return Err("has a domain that is none");
        }
        if has_prefix("__Host-") && !(self.secure && self.domain.is_none() && self.path == "/") {
            return Err("begins with `__Host-`, so it must be secure, without domain, and for the path `/`");
        }
        if has_prefix("__Secure-") && !self.secure {
            return Err("begins with `__Secure-`, so it must be secure");
        }
        if (self.same_site == SameSite::None || self.partitioned) && !self.secure {
            return Err("goes to other sites, so it must be secure");
        }
        Ok(())
    }
}

/// A cookie is nothing under the name of another.
pub(crate) fn purpose(name: &str) -> String {
    format!("cookie {name}")
}

/// [`SetCookie::name_for`].
pub(crate) fn name_for(name: &str, scheme: Scheme) -> Cow<'_, str> {
    match scheme {
        Scheme::Https => format!("__Host-{name}").into(),
        Scheme::Http => name.into(),
    }
}

/// Name and value together (RFC 6265bis, 5.6).
const LARGEST: usize = 4096;

/// All but `cookie-octet` (RFC 6265, 4.1.1), and the sign that encoding begins with.
const NOT_IN_VALUES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

impl IntoResponseParts for SetCookie {
    type Error = Error;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts> {
        response.headers_mut().append(header::SET_COOKIE, self.to_header()?);
        Ok(response)
    }
}

impl IntoResponse for SetCookie {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl DescribeParts for SetCookie {
    fn describe(responses: &mut [ResponseSpec]) {
        for response in responses {
            response.headers.push(Parameter::new(Place::Header, "Set-Cookie").required());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use mainstay_core::Profile;
    use mainstay_core::clock::TestClock;
    use mainstay_core::keys::KeysConfig;
    use mainstay_core::random::SecureRandom;

    use super::*;
    use crate::extract::Cookies;

    fn written(cookie: SetCookie) -> String {
        cookie.to_header().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn is_careful_by_default() {
        assert_eq!(written(SetCookie::new("id", "7")), "id=7; Path=/; Secure; HttpOnly; SameSite=Lax");
        let open = SetCookie::new("id", "a b;c")
            .path("/x")
            .domain("example.com")
            .max_age(Duration::from_secs(60))
            .insecure()
            .visible_to_scripts()
            .same_site(SameSite::Strict);
        assert_eq!(written(open), "id=a%20b%3Bc; Path=/x; Domain=example.com; Max-Age=60; SameSite=Strict");
        assert!(written(SetCookie::remove("id")).contains("id=; Path=/; Max-Age=0"));
    }

    #[test]
    fn refuses_what_browsers_would_drop() {
        let bad = [
            SetCookie::new("", "x"),
            SetCookie::new("a b", "x"),
            SetCookie::new("a=b", "x"),
            SetCookie::new("a", "x").path("x"),
            SetCookie::new("a", "x").path("/\r\nSet-Cookie: b"),
            SetCookie::new("a", "x").domain("a;b"),
            SetCookie::new("__Host-a", "x").path("/b"),
            SetCookie::new("__host-a", "x").domain("example.com"),
            SetCookie::new("__Secure-a", "x").insecure(),
            SetCookie::new("a", "x").same_site(SameSite::None).insecure(),
            SetCookie::new("a", "x".repeat(4096)),
        ];
        for cookie in bad {
            assert_eq!(cookie.to_header().map_err(|error| error.status().as_u16()), Err(500), "{cookie:?}");
        }
    }

    #[test]
    fn a_signed_or_sealed_value_comes_back_unchanged_or_not_at_all() {
        const HOUR: Duration = Duration::from_secs(3600);
        let clock = std::sync::Arc::new(TestClock::default());
        let random = std::sync::Arc::new(SecureRandom::new());
        let keys = Keys::new(&KeysConfig::default(), &Profile::Test, clock.clone(), random).unwrap();
        let sent = |cookie: SetCookie, name: &str| {
            let pair = written(cookie).split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("{name}={pair}").parse().unwrap());
            Cookies::of(&headers)
        };
        let signed = || SetCookie::signed(&keys, "a", "née 1;2", HOUR);
        let sealed = || SetCookie::sealed(&keys, "a", "née 1;2", HOUR);
        assert!(written(signed()).ends_with("; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"));
        assert_eq!(sent(signed(), "a").signed(&keys, "a").as_deref(), Some("née 1;2"));
        assert_eq!(sent(sealed(), "a").sealed(&keys, "a").as_deref(), Some("née 1;2"));
        for cookies in [sent(signed(), "b"), sent(sealed(), "b")] {
            assert_eq!(
                (cookies.signed(&keys, "b"), cookies.sealed(&keys, "b")),
                (None, None),
                "another name"
            );
        }
        assert_eq!(sent(signed(), "a").sealed(&keys, "a"), None);
        assert_eq!(sent(sealed(), "a").signed(&keys, "a"), None);
        for forged in ["", "x", "AQAAAAAAAAAAAAAAAAA"] {
            assert_eq!(sent(SetCookie::new("a", forged), "a").signed(&keys, "a"), None);
        }
        let cookies = sent(signed(), "a");
        clock.advance(HOUR);
        assert_eq!(cookies.signed(&keys, "a"), None, "its time is over, whatever the client keeps");
    }

    #[test]
    fn rides_beside_a_body() {
        let two = (SetCookie::new("a", "1"), SetCookie::new("b", "2"), "text").into_response();
        assert_eq!(two.headers().get_all(header::SET_COOKIE).iter().count(), 2);
        assert_eq!((SetCookie::new(" ", "1"), "text").into_response().status(), 500);
    }

    proptest::proptest! {
        #[test]
        fn a_value_comes_back_as_it_went(value in ".{0,200}") {
            let header = SetCookie::new("a", value.clone()).to_header().unwrap();
            let pair = header.to_str().unwrap().split(';').next().unwrap().to_owned();
            let mut headers = HeaderMap::new();
            headers.insert(http::header::COOKIE, pair.parse().unwrap());
            let cookies = Cookies::of(&headers);
            proptest::prop_assert_eq!(cookies.get("a"), Some(value.as_str()));
        }
    }
}
