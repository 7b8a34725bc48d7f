//! Redirects, followed by the rules of the [Fetch standard](https://fetch.spec.whatwg.org/#http-redirect-fetch).

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use url::Url;

use super::Prepared;
use crate::failure::Failure;

/// Where an answer leads, if anywhere.
pub(super) fn location(response: &http::Response<Bytes>, from: &Url) -> Option<Result<Url, Failure>> {
    let leads = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(header::LOCATION).filter(|_| leads)?;
    let Some(mut to) = location.to_str().ok().and_then(|location| from.join(location).ok()) else {
        return Some(Err(Failure::Redirects(0)));
    };
    to.set_fragment(None);
    Some(Ok(to))
}

/// Whether what was sent encrypted would go on in the clear.
pub(super) fn is_downgrade(from: &Url, to: &Url) -> bool {
    from.scheme() == "https" && to.scheme() == "http"
}

/// Goes there. What is meant for one origin alone does not go to another.
pub(super) fn follow(request: &mut Prepared, status: StatusCode, to: Url) {
    let becomes_get = match status.as_u16() {
        301 | 302 => request.method == Method::POST,
        303 => request.method != Method::HEAD,
        _ => false,
    };
    if becomes_get {
        request.method = Method::GET;
        request.body = Bytes::new();
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE] {
            request.headers.remove(name);
        }
    }
    if to.origin() != request.url.origin() {
        leave_origin(&mut request.headers);
    }
    request.url = to;
}

fn leave_origin(headers: &mut HeaderMap) {
    for name in [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE, header::HOST] {
        headers.remove(name);
    }
    let sensitive = headers.iter().filter(|(_, value)| value.is_sensitive());
    for name in sensitive.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Response};

    use super::*;

    fn leads(status: u16, location: &str) -> Option<Result<String, Failure>> {
        let from = Url::parse("https://hooks.example/a/b?c#d").unwrap();
        let response =
            Response::builder().status(status).header("location", location).body(Bytes::new()).unwrap();
        super::location(&response, &from).map(|to| to.map(String::from))
    }

    #[test]
    fn a_location_begins_where_it_is_written() {
        for (text, to) in [
            ("/x", "https://hooks.example/x"),
            ("x", "https://hooks.example/a/x"),
            ("?y", "https://hooks.example/a/b?y"),
            ("//other.example/", "https://other.example/"),
            ("https://other.example/#x", "https://other.example/"),
        ] {
            assert_eq!(leads(302, text).unwrap().unwrap(), to);
        }
        assert!(leads(302, "http://[").unwrap().is_err());
        assert!(leads(304, "/x").is_none() && leads(200, "/x").is_none());
    }

    #[test]
    fn what_was_encrypted_does_not_go_on_in_the_clear() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert!(is_downgrade(&url("https://a/"), &url("http://a/")));
        assert!(!is_downgrade(&url("http://a/"), &url("https://a/")));
        assert!(!is_downgrade(&url("http://a/"), &url("http://b/")));
    }

    #[test]
    fn a_form_that_was_taken_is_not_sent_again() {
        for (status, method, then) in [
            (301, "POST", "GET"),
            (302, "PUT", "PUT"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (307, "POST", "POST"),
        ] {
            let mut request = Prepared {
                method: method.parse().unwrap(),
                url: Url::parse("https://hooks.example/").unwrap(),
                headers: HeaderMap::from_iter([(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/plain"),
                )]),
                body: Bytes::from_static(b"form"),
                timeout: None,
                statuses: crate::client::Statuses::Any,
                shown: crate::client::Shown::Path,
            };
            let to = request.url.clone();
            follow(&mut request, StatusCode::from_u16(status).unwrap(), to);
            assert_eq!(request.method, then, "{status}");
            assert_eq!(request.body.is_empty(), method != then, "{status}");
            assert_eq!(request.headers.is_empty(), method != then, "{status}");
        }
    }
}
