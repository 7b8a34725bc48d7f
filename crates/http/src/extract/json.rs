//! JSON bodies, and what is wrong with them.

mod faults;

use std::ops::{Deref, DerefMut};

use axum::extract::{FromRequest, OptionalFromRequest, Request};
use http::HeaderMap;
use mainstay_core::{Error, Fault, Result, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::body::{BodyStream, not_utf8};
use super::media_type::{self, MediaType};
use crate::describe::{Describe, Operation, Outline, Schematic};

/// JSON, as the body of a request or of a response.
///
/// A request is refused with 415 where its content type is not JSON, with 413 where it is too large, with 400 where
/// it is not well-formed (line and column are told), and with 422 where the data does not fit `T`: each fault has a
/// JSON pointer, what was expected and what was found. Data after the end is refused too.
///
/// ```
/// use mainstay_http::extract::Json;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Point { x: i32, y: i32 }
///
/// async fn mirror(Json(point): Json<Point>) -> Json<Point> {
///     Json(Point { x: point.y, y: point.x })
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// Reads a document that did not come as the body of a request of its own, with the same failures.
    pub fn parse(document: &[u8]) -> Result<Self> {
        match serde_json::from_slice(document) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(explain::<T>(document, error)),
        }
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        require_json(request.headers())?;
        Self::parse(&BodyStream::open(request)?.collect().await?)
    }
}

/// None where there is neither a content type nor a body.
impl<T: DeserializeOwned, S: Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>> {
        let typed = MediaType::of(request.headers()).is_some();
        if typed {
            require_json(request.headers())?;
        }
        let body = BodyStream::open(request)?;
        if !typed && body.is_empty() {
            return Ok(None);
        }
        Self::parse(&body.collect().await?).map(Some)
    }
}

fn require_json(headers: &HeaderMap) -> Result<()> {
    media_type::require(headers, "application/json", MediaType::is_json)?.require_utf8()
}

/// What is wrong with a document. It is looked at again for that, which costs good requests nothing.
#[cold]
fn explain<T: DeserializeOwned>(document: &[u8], error: serde_json::Error) -> Error {
    if document.iter().all(u8::is_ascii_whitespace) {
        return malformed("The body is empty, and should be JSON.".to_owned());
    }
    if document.starts_with(b"\xef\xbb\xbf") {
        return malformed(
            "The body begins with a byte order mark, which JSON does not allow: leave it out.".to_owned(),
        );
    }
    if let Err(error) = std::str::from_utf8(document) {
        return not_utf8(error.valid_up_to());
    }
    let (line, column) = (error.line(), error.column());
    if error.classify() != Category::Data {
        let reason = plain(&error);
        let reason = match reason.as_str() {
            "recursion limit exceeded" => "it is nested too deeply, more than 127 levels".to_owned(),
            "trailing characters" => "there is more after its end".to_owned(),
            other => other.replace("EOF while parsing", "it ends in the middle of"),
        };
        return malformed(format!("The body is not valid JSON: {reason}, at line {line}, column {column}."));
    }
    refuse(faults::find::<T>(document, &error))
}

fn malformed(message: String) -> Error {
    Error::bad_request(message).code("malformed_json")
}

/// The error of data that does not fit, with the first fault in its message.
fn refuse(faults: Vec<Fault>) -> Error {
    let mut message = match faults.first() {
        Some(fault) if fault.pointer.is_empty() => format!("The body: {}.", fault.message),
        Some(fault) => format!("The body at `{}`: {}.", super::words::clip(&fault.pointer), fault.message),
        None => "The body does not fit.".to_owned(),
    };
    if faults.len() > 1 {
        message.push_str(&format!(" And {} more.", faults.len() - 1));
    }
    Error::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("validation_failed").with_faults(faults)
}

/// The message without the place at its end, which is told apart.
fn plain(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if text.ends_with(&place) {
        text.truncate(text.len() - place.len());
    }
    text
}

impl<T: Schematic> Describe for Json<T> {
    fn describe(operation: &mut Operation) {
        axum::Json::<T>::describe(operation);
    }
}

impl<T> Outline for Json<T> {
    fn outline(operation: &mut Operation) {
        axum::Json::<T>::outline(operation);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::body::Body;
    use http::header;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Article {
        title: String,
        #[serde(default)]
        tags: Vec<Tag>,
        author: Option<BTreeMap<String, u8>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Tag {
        name: String,
    }

    fn request(content_type: &str, body: impl Into<Body>) -> Request {
        Request::builder().header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
    }

    async fn read(body: impl Into<Body>) -> Result<Json<Article>> {
        <Json<Article> as FromRequest<()>>::from_request(request("application/json", body), &()).await
    }

    async fn refused(body: impl Into<Body>) -> Error {
        read(body).await.unwrap_err()
    }

    /// Status, pointer and message of the only fault.
    async fn fault(body: &'static str) -> (u16, String, String) {
        let error = refused(body).await;
        let [fault] = error.faults() else { panic!("{error:?}") };
        (error.status().as_u16(), format!("{} {}", fault.pointer, fault.code), fault.message.clone())
    }

    fn expect(status: u16, place: &str, message: &str) -> (u16, String, String) {
        (status, place.to_owned(), message.to_owned())
    }

    #[tokio::test]
    async fn reads_json_of_any_json_type() {
        let body = r#"{"title": "a", "tags": [{"name": "b"}]}"#;
        assert_eq!(read(body).await.unwrap().title, "a");
        let request = request("application/vnd.x+json; charset=UTF-8", body);
        let article = <Json<Article> as FromRequest<()>>::from_request(request, &()).await;
        assert_eq!(article.unwrap().tags[0].name, "b");
    }

    #[tokio::test]
    async fn points_to_data_that_does_not_fit() {
        assert_eq!(
            fault(r#"{"title": "a", "tags": [{"name": "b"}, {"name": 7}]}"#).await,
            expect(422, "/tags/1/name type", "expected a string, found the integer `7`")
        );
        assert_eq!(
            fault(r#"{"title": "a", "author": {"a/b": 256}}"#).await,
            expect(422, "/author/a~1b value", "expected an integer from 0 to 255, found the integer `256`")
        );
        assert_eq!(
            fault(r#"{"title": "a", "tags": [{}]}"#).await,
            expect(422, "/tags/0/name required", "it is required, and missing")
        );
        assert_eq!(
            fault(r#"{"title": "a", "titel": "a"}"#).await,
            expect(422, "/titel unknown_field", "it is not known here; known are `title`, `tags`, `author`")
        );
        assert_eq!(
            fault(r#"{"title": "a", "title": "b"}"#).await,
            expect(422, "/title repeated", "it is given more than once")
        );
        assert_eq!(fault("[1]").await, expect(422, "/0 type", "expected a string, found the integer `1`"));
        assert_eq!(fault("null").await, expect(422, " type", "expected an object, found null"));
        assert_eq!(
            refused(r#"{"title": 1}"#).await.message(),
            "The body at `/title`: expected a string, found the integer `1`."
        );
    }

    #[tokio::test]
    async fn finds_every_fault_at_once() {
        let body = r#"{"titel": "a", "tags": [{"name": 1}, {}, "x"], "author": {"a": 300, "b": null}}"#;
        let error = refused(body).await;
        let found: Vec<_> =
            error.faults().iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect();
        let expected = [
            "/titel unknown_field",
            "/author/a value",
            "/author/b type",
            "/tags/0/name type",
            "/tags/1/name required",
            "/tags/2 type",
            "/title required",
        ];
        assert_eq!(found, expected);
        assert!(error.message().ends_with(" And 6 more."), "{}", error.message());
    }

    #[tokio::test]
    async fn says_where_a_document_is_malformed() {
        let cases = [
            ("{\n  \"title\": \"a\",\n}", "trailing comma, at line 3, column 1"),
            (r#"{"title": "a"} x"#, "there is more after its end, at line 1, column 16"),
            (r#"{"title": "a""#, "it ends in the middle of an object, at line 1, column 13"),
            ("{'title': 1}", "key must be a string, at line 1, column 2"),
        ];
        for (body, reason) in cases {
            let error = refused(body).await;
            assert_eq!((error.status().as_u16(), error.machine_code()), (400, "malformed_json"), "{body}");
            assert_eq!(error.message(), format!("The body is not valid JSON: {reason}."));
        }
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_bytes_that_are_no_text() {
        let error = refused(&b"{\"title\": \"\xff\"}"[..]).await;
        assert_eq!((error.status().as_u16(), error.machine_code()), (400, "invalid_utf8"));
        assert!(refused("\u{feff}{}").await.message().contains("byte order mark"));
        assert_eq!(refused(" \n").await.message(), "The body is empty, and should be JSON.");
        assert_eq!(refused(Body::empty()).await.status(), 400);
    }

    #[tokio::test]
    async fn refuses_documents_that_are_nested_too_deeply() {
        let mut body = r#"{"title": "a", "tags": "#.to_owned();
        body.push_str(&"[".repeat(10_000));
        // The type is refused before the depth is reached, so a type that takes anything is asked.
        let error = Json::<serde_json::Value>::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.status(), 400);
        assert!(error.message().contains("nested too deeply"), "{}", error.message());
    }

    #[tokio::test]
    async fn skips_what_nobody_reads_without_a_limit_of_depth() {
        #[derive(Debug, Deserialize)]
        struct Open {
            title: String,
        }
        let deep = format!(r#"{{"extra": {}{}, "title": "a"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Json::<Open>::parse(deep.as_bytes()).unwrap().title, "a");
        let open = format!(r#"{{"extra": {}"#, "[{\"a\":".repeat(100_000));
        assert_eq!(Json::<Open>::parse(open.as_bytes()).unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn refuses_texts_and_numbers_that_are_none() {
        let texts = [
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            r#""\ud800x""#,
            r#""\ud800\ud800""#,
            r#""\u12""#,
            "\"\u{1}\"",
            r#""\x41""#,
        ];
        for text in texts {
            let error = refused(format!("{{\"title\": {text}}}")).await;
            assert_eq!((error.status().as_u16(), error.machine_code()), (400, "malformed_json"), "{text}");
            assert!(error.message().contains("line 1"), "{}", error.message());
        }
        assert_eq!(read(r#"{"title": "\ud83d\ude00"}"#).await.unwrap().title, "😀");
        for number in ["1e999", "-1e999", "01", "+1", ".5", "1.", "0x1", "NaN", "Infinity", "--1"] {
            let error = Json::<f64>::parse(number.as_bytes()).unwrap_err();
            assert_eq!((error.status().as_u16(), error.machine_code()), (400, "malformed_json"), "{number}");
        }
        // More digits than the largest float has.
        let error = Json::<u64>::parse("9".repeat(100_000).as_bytes()).unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.message().len() < 100),
            (400, true),
            "{}",
            error.message()
        );
        for number in ["256", "-1", "1.5", "18446744073709551616", "1e2"] {
            let error = Json::<Vec<u8>>::parse(format!("[1, {number}]").as_bytes()).unwrap_err();
            let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
            assert_eq!(
                (error.status().as_u16(), pointers),
                (422, vec!["/1"]),
                "{}",
                &number[..number.len().min(30)]
            );
            assert!(error.message().len() < 300);
        }
    }

    #[tokio::test]
    async fn refuses_a_name_that_is_given_twice_wherever_it_is_known() {
        for (body, place) in [
            (r#"{"title": "a", "tags": [{"name": "b", "name": "c"}]}"#, "/tags/0/name repeated"),
            (r#"{"title": "a", "titl\u0065": "b"}"#, "/title repeated"),
        ] {
            let (status, found, _) = fault(body).await;
            assert_eq!((status, found.as_str()), (422, place), "{body}");
        }
    }

    #[tokio::test]
    async fn reads_bytes_as_utf8_whatever_they_are() {
        let utf16: Vec<u8> = "{\"title\": \"a\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xff\xfe".as_slice(), &utf16].concat();
        let latin1 = b"{\"title\": \"caf\xe9\"}".to_vec();
        let overlong = b"{\"title\": \"\xc0\xaf\"}".to_vec();
        let surrogate = b"{\"title\": \"\xed\xa0\x80\"}".to_vec();
        for body in [utf16, marked, latin1, overlong, surrogate] {
            assert_eq!(refused(body.clone()).await.status(), 400, "{body:?}");
        }
    }

    #[tokio::test]
    async fn refuses_other_content_types_and_encodings() {
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
        {
            let error =
                <Json<Article> as FromRequest<()>>::from_request(request(content_type, "{}"), &()).await;
            assert_eq!(error.unwrap_err().status(), 415, "{content_type}");
        }
    }

    #[tokio::test]
    async fn an_optional_body_may_be_absent_but_not_wrong() {
        type Optional = Option<Json<u8>>;
        let absent = <Optional as FromRequest<()>>::from_request(Request::new(Body::empty()), &()).await;
        assert_eq!(absent.unwrap(), None);
        let there = <Optional as FromRequest<()>>::from_request(request("application/json", "7"), &()).await;
        assert_eq!(there.unwrap(), Some(Json(7)));
        let wrong = <Optional as FromRequest<()>>::from_request(request("application/json", ""), &()).await;
        assert_eq!(wrong.unwrap_err().status(), 400);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
            let _ = Json::<Article>::parse(&bytes);
        }

        #[test]
        fn every_refusal_of_json_names_a_place(text in r#"[{}\[\],:"a-c0-9. ]{0,30}"#) {
            if let Err(error) = Json::<Article>::parse(text.as_bytes()) {
                proptest::prop_assert!(error.status() == 400 || !error.faults().is_empty());
            }
        }
    }
}
