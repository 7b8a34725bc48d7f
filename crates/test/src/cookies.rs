//! The cookies of a client: RFC 6265, section 5, for one host.
//!
//! `Domain` and `SameSite` mean nothing where there is one host and no other site. `Secure` cookies are sent, as browsers do
//! to `localhost`.

use std::time::{Duration, SystemTime};

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

/// Cookies.
#[derive(Debug, Default)]
pub(crate) struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    path: String,
    expires: Option<SystemTime>,
}

impl Jar {
    pub(crate) fn value(&self, name: &str, now: SystemTime) -> Option<&str> {
        self.0.iter().find(|cookie| cookie.name == name && cookie.is_fresh(now)).map(|cookie| &*cookie.value)
    }

    pub(crate) fn set(&mut self, name: String, value: String) {
        self.put(Cookie { name, value, path: "/".into(), expires: None });
    }

    fn put(&mut self, cookie: Cookie) {
        self.0.retain(|other| other.name != cookie.name || other.path != cookie.path);
        self.0.push(cookie);
    }

    /// Keeps what a response to a request for `path` sets.
    pub(crate) fn keep(&mut self, headers: &HeaderMap, path: &str, now: SystemTime) {
        for header in headers.get_all(SET_COOKIE) {
            if let Some(cookie) = header.to_str().ok().and_then(|text| Cookie::parse(text, path, now)) {
                self.put(cookie);
            }
        }
        self.0.retain(|cookie| cookie.is_fresh(now));
    }

    /// The header `Cookie` of a request for `path`: the longest path first.
    pub(crate) fn header(&self, path: &str, now: SystemTime) -> Option<HeaderValue> {
        let mut sent: Vec<_> =
            self.0.iter().filter(|cookie| cookie.is_fresh(now) && cookie.goes_to(path)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if pairs.is_empty() { None } else { HeaderValue::from_str(&pairs.join("; ")).ok() }
    }
}

impl Cookie {
    fn parse(text: &str, request_path: &str, now: SystemTime) -> Option<Self> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            path: folder(request_path).to_owned(),
            expires: None,
        };
        let mut max_age = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "expires" => cookie.expires = httpdate::parse_http_date(value).ok(),
                "max-age" => max_age = value.parse::<i64>().ok(),
                _ => {}
            }
        }
        if let Some(seconds) = max_age {
            let lasts = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
            cookie.expires = Some(lasts.map_or(SystemTime::UNIX_EPOCH, |lasts| now + lasts));
        }
        (!cookie.name.is_empty()).then_some(cookie)
    }

    fn is_fresh(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|end| end > now)
    }

    fn goes_to(&self, path: &str) -> bool {
        path.strip_prefix(&self.path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }
}

/// The path that a cookie has if it names none.
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(end) if end > 0 => &path[..end],
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(path: &str, cookies: &[&str]) -> Jar {
        let mut jar = Jar::default();
        keep(&mut jar, path, cookies, NOW);
        jar
    }

    fn keep(jar: &mut Jar, path: &str, cookies: &[&str], now: SystemTime) {
        let headers = cookies.iter().map(|cookie| (SET_COOKIE, cookie.parse().unwrap())).collect();
        jar.keep(&headers, path, now);
    }

    fn sent(jar: &Jar, path: &str) -> String {
        jar.header(path, NOW).map_or(String::new(), |header| header.to_str().unwrap().to_owned())
    }

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn sends_a_cookie_to_its_path_and_below() {
        let jar = jar("/", &["a=1; Path=/shop", "b=2; path=/"]);
        assert_eq!(sent(&jar, "/shop"), "a=1; b=2");
        assert_eq!(sent(&jar, "/shop/cart"), "a=1; b=2");
        assert_eq!(sent(&jar, "/shopping"), "b=2");
    }

    #[test]
    fn a_cookie_without_path_stays_in_the_folder() {
        let jar = jar("/shop/cart", &["a=1"]);
        assert_eq!((sent(&jar, "/shop/checkout"), sent(&jar, "/")), ("a=1".into(), String::new()));
    }

    #[test]
    fn replaces_and_removes() {
        let mut jar = jar("/", &["a=1", "b=1", "c=1"]);
        let removed = ["b=; Max-Age=0", "c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=2=2"];
        keep(&mut jar, "/", &removed, NOW);
        assert_eq!(sent(&jar, "/"), "a=2=2");
    }

    #[test]
    fn forgets_what_has_expired() {
        let jar =
            jar("/", &["a=1; Max-Age=60; Expires=Wed, 21 Oct 1964 07:28:00 GMT", "b=1; HttpOnly; Secure"]);
        assert_eq!(sent(&jar, "/"), "a=1; b=1");
        assert_eq!(jar.value("a", NOW + Duration::from_secs(60)), None);
        assert_eq!(jar.header("/", NOW + Duration::from_secs(60)).unwrap(), "b=1");
    }
}
