//! Where the token of a request is: in the header `X-CSRF-Token`, or in a form, whose beginning is read for it.
//!
//! It is looked for before the handler has the request, so that no handler can forget it, and what was read is put back. A form is
//! not taken apart here: whatever is found has to be a token, and nobody else can make one.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use http::header;
use mainstay_core::{Error, Result};
use memchr::memmem;

use super::token::{FIELD, belongs, own};
use crate::exchange::Exchange;
use crate::extract::media_type::MediaType;

const X_CSRF_TOKEN: &str = "x-csrf-token";
/// How much of a form is read.
const FAR: usize = 64 * 1024;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses a request without a token that belongs to one of its cookies. `session` is that of the session.
pub(crate) async fn prove(exchange: &Exchange, request: &mut Request, session: Option<&str>) -> Result<()> {
    let given = match request.headers().get(X_CSRF_TOKEN) {
        Some(value) => value.to_str().ok().map(str::to_owned),
        None => in_form(request).await?,
    };
    let Some(given) = given else {
        return Err(refused("csrf_token_missing").context(
            "a cookie came without a word of where the request comes from; a form of ours has `csrf_field()`, and is \
             no more than 64 KiB before it; a program sends `Origin` with our scheme and host, or no cookie",
        ));
    };
    let of_itself = own(request.headers(), exchange.scheme());
    if session.into_iter().chain(of_itself.as_deref()).any(|secret| belongs(&given, secret)) {
        return Ok(());
    }
    Err(refused("csrf_token_invalid"))
}

#[track_caller]
fn refused(code: &'static str) -> Error {
    let told = "It cannot be told whether one of our own pages has sent this. Load the page again, and send it from there.";
    Error::forbidden(told).code(code)
}

/// The token of a form, if there is one at its beginning.
async fn in_form(request: &mut Request) -> Result<Option<String>> {
    let Some(media_type) = MediaType::of(request.headers()) else { return Ok(None) };
    let find: fn(&[u8], bool) -> Option<String> = if media_type.is("application/x-www-form-urlencoded") {
        among_pairs
    } else if media_type.is("multipart/form-data") {
        among_parts
    } else {
        return Ok(None);
    };
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Ok(None);
    }
    let mut rest = std::mem::take(request.body_mut()).into_data_stream();
    let mut read = BytesMut::new();
    let mut found = None;
    let look = async {
        while found.is_none() && read.len() < FAR {
            match rest.next().await {
                Some(Ok(chunk)) => {
                    read.extend_from_slice(&chunk);
                    found = find(&read, false);
                }
                Some(Err(error)) => return Err(error),
                None => {
                    found = find(&read, true);
                    break;
                }
            }
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return Err(Error::bad_request("The body ended before it was complete.")
                .code("incomplete_body")
                .caused_by(error));
        }
        Err(late) => {
            let told = "The body did not come in time.";
            return Err(Error::new(http::StatusCode::REQUEST_TIMEOUT, told).caused_by(late));
        }
    }
    *request.body_mut() = Body::from_stream(stream::iter([Ok(read.freeze())]).chain(rest));
    Ok(found)
}

/// In `a=1&_csrf=…`. The last pair counts only if it is known to be whole.
fn among_pairs(read: &[u8], is_all: bool) -> Option<String> {
    let mut pairs: Vec<&[u8]> = read.split(|byte| *byte == b'&').collect();
    if !is_all {
        pairs.pop();
    }
    let value = pairs.into_iter().find_map(|pair| pair.strip_prefix(FIELD.as_bytes())?.strip_prefix(b"="))?;
    std::str::from_utf8(value).ok().map(str::to_owned)
}

/// In a part `Content-Disposition: form-data; name="_csrf"`.
fn among_parts(read: &[u8], _: bool) -> Option<String> {
    let name = format!("name=\"{FIELD}\"");
    let after_name = &read[memmem::find(read, name.as_bytes())? + name.len()..];
    let value = &after_name[memmem::find(after_name, b"\r\n\r\n")? + 4..];
    let value = &value[..memmem::find(value, b"\r\n")?];
    std::str::from_utf8(value).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_token_as_soon_as_it_is_whole() {
        assert_eq!(among_pairs(b"_csrf=abc&a=1", false).as_deref(), Some("abc"));
        assert_eq!(among_pairs(b"a=1&_csrf=ab", false), None);
        assert_eq!(among_pairs(b"a=1&_csrf=abc", true).as_deref(), Some("abc"));
        assert_eq!(among_pairs(b"a=_csrf=abc&x_csrf=d", true), None);
        let form = b"--x\r\nContent-Disposition: form-data; name=\"_csrf\"\r\n\r\nabc\r\n--x";
        assert_eq!(among_parts(form, false).as_deref(), Some("abc"));
        for end in 1..form.len() - 5 {
            assert_eq!(among_parts(&form[..end], false), None, "{end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200), tail in "(_csrf=|name=\"_csrf\"(\r\n){0,3}).{0,4}") {
            let body = [body, tail.into_bytes()].concat();
            among_pairs(&body, true);
            among_parts(&body, false);
        }
    }
}
