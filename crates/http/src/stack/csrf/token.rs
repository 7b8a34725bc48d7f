//! The token of a form, and the cookie that it belongs to.
//!
//! There is a secret that the browser has in a cookie, and that no other site knows: the one of its session, if it has one, else
//! one of its own. The token of a form is `mask, mask ^ HMAC-SHA256(secret, …)`. So nothing is stored, a token is good as long as
//! its cookie, and goes with it when somebody signs in. The mask is another one in each answer: what is the same in many could be
//! guessed letter by letter from the size of what is compressed (BREACH, CVE-2013-3587).

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use mainstay_core::keys::base64url;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{Error, Resolver, Result};
use ring::hmac;

use super::Fallback;
use crate::config::HttpConfig;
use crate::describe::{Describe, Operation};
use crate::exchange::{Exchange, Scheme};
use crate::extract::Cookies;
use crate::respond::SetCookie;
use crate::respond::cookie::name_for;
use crate::session::{Session, Slot};

/// The name of the field that has the token of a form. [`Form`](crate::Form) and [`MultipartForm`](crate::MultipartForm) leave it out.
pub const FIELD: &str = "_csrf";

const COOKIE: &str = "csrf";
const MAC: usize = 32;

/// What proves that a form, or a script, is one of ours, where a browser does not say so by itself: an argument of a handler.
/// Views have it as `csrf_field()` and `csrf_token()`.
///
/// ```
/// use mainstay_http::stack::csrf::CsrfToken;
/// use mainstay_http::{Html, get};
///
/// #[get("/newsletter")]
/// async fn newsletter(csrf: CsrfToken) -> Html<String> {
///     let field = csrf.field();
///     Html(format!("<form method=post>{field}<input name=email><button>Subscribe</button></form>"))
/// }
/// ```
///
/// A script sends it as the header `X-CSRF-Token`. As soon as a token is asked for, the answer is for this visitor alone, and has
/// the cookie that the token belongs to, if the visitor has none yet.
#[derive(Clone)]
pub struct CsrfToken {
    /// None: tokens are switched off.
    exchange: Option<Exchange>,
    /// What the browser has already.
    secret: Option<Arc<str>>,
}

impl CsrfToken {
    /// No token at all: what it writes is empty.
    pub fn none() -> Self {
        Self { exchange: None, secret: None }
    }

    /// That of this request, for whoever is no handler.
    ///
    /// # Errors
    ///
    /// 503 when the visitor's session cannot be had.
    pub async fn of(parts: &Parts) -> Result<Self> {
        let config = parts.extensions.get::<Resolver>().and_then(Resolver::ready::<HttpConfig>);
        let is_off = config.is_some_and(|config| config.csrf.fallback == Fallback::Pass);
        let Some(exchange) = parts.extensions.get::<Exchange>().filter(|_| !is_off) else {
            return Ok(Self::none());
        };
        // One that is over is no good: its cookie may go with this very answer.
        let _ = Session::of_visitor(parts).await?;
        let of_session = parts.extensions.get::<Arc<Slot>>().and_then(|slot| slot.token_of_kept());
        let secret = match of_session {
            Some(token) => Some(token.into()),
            None => own(&parts.headers, exchange.scheme()).map(Arc::from),
        };
        Ok(Self { exchange: Some(exchange.clone()), secret })
    }

    /// The token, another one each time. Empty where `http.csrf.fallback` says `pass`.
    pub fn token(&self) -> String {
        let Some(exchange) = &self.exchange else { return String::new() };
        let fresh = exchange.csrf_shown(|| self.secret.is_none().then(new_secret));
        let secret = self.secret.as_deref().or(fresh).unwrap_or_default();
        let mut text = [0; 2 * MAC];
        SecureRandom::new().fill(&mut text[..MAC]);
        let mac = hmac::sign(&key(secret), CONTEXT);
        for (at, byte) in mac.as_ref().iter().enumerate() {
            text[MAC + at] = text[at] ^ byte;
        }
        base64url::encode(&text)
    }

    /// The field that has it, as HTML. It comes first in its form, so that it is found without reading all of it.
    pub fn field(&self) -> String {
        match self.token() {
            token if token.is_empty() => token,
            token => format!(r#"<input type="hidden" name="{FIELD}" value="{token}">"#),
        }
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(********)")
    }
}

impl<S: Sync> FromRequestParts<S> for CsrfToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(parts).await
    }
}

impl Describe for CsrfToken {
    fn describe(_operation: &mut Operation) {}
}

/// Whether a token was made of this secret. In the same time, whatever is wrong with it.
pub(super) fn belongs(token: &str, secret: &str) -> bool {
    let Some(text) = base64url::decode(token).filter(|text| text.len() == 2 * MAC) else { return false };
    let (mask, masked) = text.split_at(MAC);
    let mac: Vec<u8> = mask.iter().zip(masked).map(|(mask, byte)| mask ^ byte).collect();
    hmac::verify(&key(secret), CONTEXT, &mac).is_ok()
}

const CONTEXT: &[u8] = b"mainstay csrf 1";

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn new_secret() -> Arc<str> {
    SecureRandom::new().hex(MAC).into()
}

/// The secret that a browser has for tokens alone.
pub(super) fn own(headers: &HeaderMap, scheme: Scheme) -> Option<String> {
    let name = name_for(COOKIE, scheme);
    let mut values = Cookies::all(headers, &name).filter(|text| is_secret(text));
    let first = values.next()?.into_owned();
    // Of two, one was planted.
    values.all(|other| *other == *first).then_some(first)
}

fn is_secret(text: &str) -> bool {
    text.len() == 2 * MAC && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether there may be such a cookie, without looking closely.
pub(crate) fn may_have_cookie(headers: &HeaderMap) -> bool {
    let finder = memchr::memmem::Finder::new(COOKIE);
    headers.get_all(header::COOKIE).iter().any(|line| finder.find(line.as_bytes()).is_some())
}

pub(super) fn set_cookie(secret: &str, scheme: Scheme, headers: &mut HeaderMap) {
    write(SetCookie::new(name_for(COOKIE, scheme), secret), scheme, headers);
}

/// Takes the cookie away: whoever has just signed in begins with new tokens.
pub(crate) fn forget_cookie(scheme: Scheme, headers: &mut HeaderMap) {
    write(SetCookie::remove(name_for(COOKIE, scheme)), scheme, headers);
}

fn write(cookie: SetCookie, scheme: Scheme, headers: &mut HeaderMap) {
    // Name and value are our own: this cannot fail.
    if let Ok(value) = cookie.over(scheme).to_header() {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::exchange::testing::peer;

    fn token_of(secret: &str) -> String {
        let exchange = Exchange::open(&http::Request::new(()), &peer("192.0.2.1:9"), None);
        CsrfToken { exchange: Some(exchange), secret: Some(secret.into()) }.token()
    }

    #[test]
    fn a_token_belongs_to_its_cookie_and_never_looks_the_same() {
        let (one, two) = (token_of("a"), token_of("a"));
        assert_ne!(one, two);
        // No letter tells another one of the same secret.
        assert!(one.bytes().zip(two.bytes()).filter(|(one, two)| one == two).count() < 20);
        assert!(belongs(&one, "a") && belongs(&two, "a"));
        for other in ["b", "", "aa"] {
            assert!(!belongs(&one, other));
        }
        for wrong in ["", "a", &one[1..], &format!("{one}A"), &"A".repeat(one.len()), &one.to_uppercase()] {
            assert!(!belongs(wrong, "a"), "{wrong}");
        }
    }

    #[test]
    fn of_two_cookies_neither_counts() {
        let cookies = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(text).unwrap());
            own(&headers, Scheme::Https)
        };
        let (one, two) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(cookies(&format!("__Host-csrf={one}")), Some(one.clone()));
        assert_eq!(cookies(&format!("csrf={one}")), None);
        assert_eq!(cookies(&format!("__Host-csrf={one}; __Host-csrf={two}")), None);
        assert_eq!(cookies(&format!("__Host-csrf=x; __Host-csrf={two}")), Some(two));
    }

    #[test]
    fn hides_itself_from_debug_output() {
        let token = CsrfToken { exchange: None, secret: Some("hidden".into()) };
        assert!(!format!("{token:?}").contains("hidden"));
        assert_eq!((token.token(), token.field()), (String::new(), String::new()));
    }
}
