//! What a handler takes from a request.
//!
//! Extractors are axum's: anything that implements its `FromRequestParts` or `FromRequest` is an argument. Those in
//! here differ from axum's own of the same name in how they refuse: with one [`Error`](mainstay_core::Error) that
//! names each fault, where it is, what was expected and what was found, in words for the developer of the client.
//!
//! | Argument | Takes |
//! |---|---|
//! | [`Path<T>`] | the parameters of the pattern |
//! | [`Query<T>`] | the query string |
//! | [`Header<T>`], [`Headers<T>`] | one typed header; several in a struct |
//! | [`Cookies`], [`Cookie<T>`] | all cookies; some in a struct |
//! | [`Json<T>`] | a JSON body |
//! | [`Form<T>`] | a form |
//! | [`MultipartForm<T>`], [`Multipart`] | a form with files: as a struct, and field by field |
//! | [`Text`], [`RawBody`], [`BodyStream`] | the body as text, as bytes, as it comes |
//! | [`ClientIp`], [`Host`], [`Scheme`](crate::Scheme), [`RequestId`](crate::RequestId) | who asks, and how |
//! | [`Inject<T>`](struct@mainstay_core::Inject) | something from the container |
//!
//! The last argument of a handler may take the body; the others cannot. `Option<E>` takes what may be absent (and
//! still refuses what is there and wrong); `Result<E, Error>` leaves the refusal to the handler.
//!
//! Beneath them: `fields` reads a struct from named texts, `diagnosis` takes serde's messages apart, `words` says
//! them again for people, `pointer` writes JSON pointers, `media_type` compares content types, `urlencoded` splits
//! query strings and forms.

mod body;
mod caller;
mod cookie;
mod diagnosis;
pub(crate) mod fields;
mod form;
mod header;
mod json;
pub(crate) mod media_type;
mod multipart;
mod path;
mod pointer;
mod query;
mod urlencoded;
pub(crate) mod words;

pub(crate) use body::size;
pub use body::{BodyLimit, BodyStream, RawBody, Text};
pub use caller::{ClientIp, Host};
pub use cookie::{Cookie, Cookies};
pub use form::Form;
pub use header::{
    Bearer, EntityTag, EntityTags, Header, HeaderField, Headers, IfMatch, IfNoneMatch, LastEventId,
};
pub use json::Json;
pub(crate) use media_type::require as require_type;
pub use multipart::{
    AnyFile, Field, FileRules, Image, Multipart, MultipartForm, Pdf, Upload, judge, safe_file_name,
};
pub(crate) use multipart::{Kept, PIECE, Rules, UploadFolder, blocking, folder_of, sync_folder};
pub use path::Path;
pub use query::Query;

use crate::describe::arguments::parameter_errors;
use crate::describe::schema::describe_fields;
use crate::describe::{Operation, Place, Schematic};

/// Describes the fields of `T` as parameters whose names are written differently in a request.
fn describe_renamed<T: Schematic>(operation: &mut Operation, place: Place, rename: fn(&str) -> String) {
    let mut fields = Operation::new(operation.method.clone(), "", "");
    describe_fields::<T>(&mut fields, place);
    for mut parameter in fields.parameters {
        parameter.name = rename(&parameter.name);
        operation.parameter(parameter);
    }
    parameter_errors(operation);
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::body::Body;
    use axum::extract::{FromRequest, FromRequestParts, Request};
    use http::{HeaderValue, header};
    use mainstay_core::{Error, Result};
    use proptest::collection::vec;
    use proptest::prelude::any;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "nothing is done with what is read")]
    struct Sample {
        a: Option<u8>,
        #[serde(default)]
        b: Vec<f32>,
        c: Choice,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "nothing is done with what is read")]
    enum Choice {
        One,
        Two(u8),
        Three { deep: Box<Sample> },
    }

    fn request(content_type: &str, body: &[u8]) -> Request {
        let request = Request::post("/").header(header::CONTENT_TYPE, content_type);
        request.body(Body::from(body.to_vec())).unwrap()
    }

    /// Whatever a client sends, it is served or told what is wrong with it.
    fn is_precise<T>(outcome: Result<T>) -> bool {
        let of_client = |error: &Error| error.status().is_client_error() && !error.message().is_empty();
        outcome.err().is_none_or(|error| of_client(&error))
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_get_past_an_extractor_or_break_it(
            body in vec(any::<u8>(), 0..80),
            shaped in r#"[{}\[\]:,&=%"abc0-9onetwhrdp.-]{0,40}"#,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for body in [body.as_slice(), shaped.as_bytes()] {
                    let json = request("application/json", body);
                    let json = <Json<Sample> as FromRequest<()>>::from_request(json, &()).await;
                    assert!(is_precise(json));
                    let form = request("application/x-www-form-urlencoded", body);
                    assert!(is_precise(Form::<Sample>::from_request(form, &()).await));
                    let text = Text::from_request(request("text/plain", body), &()).await;
                    assert!(is_precise(text));
                    let multipart = request("multipart/form-data; boundary=a", body);
                    assert!(is_precise(MultipartForm::<Sample>::from_request(multipart, &()).await));
                    for coding in ["gzip", "br", "zstd", "deflate", "x"] {
                        let mut coded = request("a/b", body);
                        coded.headers_mut().insert(header::CONTENT_ENCODING, coding.parse().unwrap());
                        assert!(is_precise(RawBody::from_request(coded, &()).await));
                    }
                }
            });
        }

        #[test]
        fn no_header_breaks_an_extractor(bytes in vec(0x20u8..=0xff, 0..60)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let names = [header::COOKIE, header::CONTENT_TYPE, header::IF_MATCH, header::AUTHORIZATION, header::ACCEPT];
            let mut request = Request::new(Body::empty());
            for name in names {
                request.headers_mut().insert(name, value.clone());
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (mut parts, _) = request.into_parts();
            runtime.block_on(async {
                let all = Headers::<HashMap<String, String>>::from_request_parts(&mut parts, &()).await;
                assert!(is_precise(all));
                let tags = <Header<IfMatch> as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
                assert!(is_precise(tags));
                let token = <Header<Bearer> as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
                assert!(is_precise(token));
                assert!(is_precise(Cookie::<HashMap<String, u8>>::from_request_parts(&mut parts, &()).await));
                let parts = Request::from_parts(parts, Body::from("x"));
                assert!(is_precise(Multipart::from_request(parts, &()).await));
            });
        }
    }
}
