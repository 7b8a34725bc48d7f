//! The headers of the protocol, and what is around each of its requests: the version.

use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mainstay_core::{Error, Fault, Module, Result, StatusCode};

use super::metadata::Metadata;
use super::module::module;
use super::{arrival, describe};
use crate::describe::Operation;
use crate::{Middleware, Next};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The one version that is spoken.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// The media type of a piece of a file.
pub(super) const OCTETS: &str = "application/offset+octet-stream";
/// The extensions that are spoken.
pub(super) const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination",
);

/// What scripts of other sites may read, where `http.cors` lets them in.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "location, tus-resumable, tus-version, tus-extension, tus-max-size, tus-checksum-algorithm, upload-offset, \
     upload-length, upload-defer-length, upload-metadata, upload-expires",
);

/// Around each route of the protocol: refuses other versions, and says ours in every answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol;

impl Middleware<Self> for Protocol {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        Box::pin(async move {
            let spoken = *request.method() == Method::OPTIONS
                || request.headers().get(&TUS_RESUMABLE).is_some_and(|version| version == VERSION);
            let answer = if spoken { arrival::run(request, next).await } else { Err(other_version()) };
            let not_kept = HeaderValue::from_static("no-store");
            match answer {
                Ok(mut response) => {
                    let headers = response.headers_mut();
                    headers.insert(TUS_RESUMABLE, VERSION);
                    headers.append(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
                    headers.entry(header::CACHE_CONTROL).or_insert(not_kept);
                    Ok(response)
                }
                Err(error) => {
                    let says = error.headers().contains_key(header::CACHE_CONTROL);
                    let error = error
                        .replace_header(TUS_RESUMABLE, VERSION)
                        .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
                    Err(if says { error } else { error.header(header::CACHE_CONTROL, not_kept) })
                }
            }
        })
    }

    fn describe(&self, operation: &mut Operation) {
        describe::around(operation);
    }

    fn brings(&self) -> Vec<Module> {
        vec![module()]
    }
}

fn other_version() -> Error {
    let message = "This speaks version 1.0.0 of the tus protocol: send `Tus-Resumable: 1.0.0`.";
    Error::new(StatusCode::PRECONDITION_FAILED, message)
        .code("unsupported_version")
        .header(TUS_VERSION, VERSION)
}

/// The error of a header that cannot be understood.
#[track_caller]
pub(super) fn invalid(name: &HeaderName, message: impl Into<String>) -> Error {
    let fault = Fault::new(format!("header:{name}"), "type", message);
    Error::bad_request("The request cannot be understood.").code("invalid_parameter").with_faults(vec![fault])
}

/// The value of a header that is there once at most.
#[track_caller]
pub(super) fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text.trim())),
        (Some(Err(_)), None) => Err(invalid(name, "expected visible ASCII characters")),
        (Some(_), Some(_)) => Err(invalid(name, "expected it once")),
    }
}

/// A number of bytes in a header.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>> {
    let Some(text) = one(headers, name)? else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(Some(number)),
        _ if digits => Err(invalid(name, "the number is larger than 18446744073709551615")),
        _ => Err(invalid(name, "expected a number of bytes, in digits alone")),
    }
}

/// How long a new file says that it will be; none where it says that later.
pub(super) fn announced(headers: &HeaderMap) -> Result<Option<u64>> {
    if headers.contains_key(&UPLOAD_CONCAT) {
        return Err(invalid(&UPLOAD_CONCAT, "uploads cannot be concatenated here: send the file as one"));
    }
    match (number(headers, &UPLOAD_LENGTH)?, one(headers, &UPLOAD_DEFER_LENGTH)?) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some("1")) => Ok(None),
        (None, Some(_)) => Err(invalid(&UPLOAD_DEFER_LENGTH, "expected 1, or `Upload-Length` in its place")),
        (Some(_), Some(_)) => {
            Err(invalid(&UPLOAD_DEFER_LENGTH, "expected either this or `Upload-Length`, and not both"))
        }
        (None, None) => Err(invalid(
            &UPLOAD_LENGTH,
            "expected the length of the file in bytes, or `Upload-Defer-Length: 1` where it is not known yet",
        )),
    }
}

/// What a new file says about itself, as it came and as it is read.
pub(super) fn metadata(headers: &HeaderMap) -> Result<(String, Metadata)> {
    let text = one(headers, &UPLOAD_METADATA)?.unwrap_or_default();
    match Metadata::parse(text.as_bytes()) {
        Ok(metadata) => Ok((text.to_owned(), metadata)),
        Err(why) => Err(invalid(&UPLOAD_METADATA, format!("it cannot be read: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn reads_numbers_of_bytes_and_nothing_else() {
        let read = |text: &str| number(&headers(&[(&UPLOAD_LENGTH, text)]), &UPLOAD_LENGTH);
        assert_eq!(read("0").unwrap(), Some(0));
        assert_eq!(read("18446744073709551615").unwrap(), Some(u64::MAX));
        for wrong in ["", "-1", "+1", "1.0", "1e3", "0x10", "1 2", "18446744073709551616", "Infinity"] {
            let error = read(wrong).unwrap_err();
            assert_eq!(
                (error.status().as_u16(), error.faults()[0].pointer.as_str()),
                (400, "header:upload-length")
            );
        }
        let twice = headers(&[(&UPLOAD_LENGTH, "1"), (&UPLOAD_LENGTH, "2")]);
        assert!(number(&twice, &UPLOAD_LENGTH).is_err());
        assert_eq!(number(&HeaderMap::new(), &UPLOAD_LENGTH).unwrap(), None);
    }

    #[test]
    fn a_new_file_says_its_length_or_that_it_comes_later() {
        let read = |pairs: &[(&HeaderName, &str)]| announced(&headers(pairs)).ok();
        assert_eq!(read(&[(&UPLOAD_LENGTH, "7")]), Some(Some(7)));
        assert_eq!(read(&[(&UPLOAD_DEFER_LENGTH, "1")]), Some(None));
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[(&UPLOAD_DEFER_LENGTH, "0")]), None);
        assert_eq!(read(&[(&UPLOAD_LENGTH, "7"), (&UPLOAD_DEFER_LENGTH, "1")]), None);
        assert_eq!(read(&[(&UPLOAD_LENGTH, "7"), (&UPLOAD_CONCAT, "partial")]), None);
    }
}
