//! Forms whose values are bytes: a message need not be text in UTF-8.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_http::extract::{Multipart, RawBody};
use percent_encoding::percent_decode;

use super::WITH_MORE;

/// A form, with or without files (`multipart/form-data`, `application/x-www-form-urlencoded`).
pub(super) struct RawForm(Vec<(String, Bytes)>);

impl RawForm {
    /// Reads it, as far as these fields go, of which the first of each name counts. Others are read over.
    pub(super) async fn read(request: Request, wanted: &[&str]) -> Result<Self> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_multipart = content_type
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/"));
        let mut fields: Vec<(String, Bytes)> = Vec::with_capacity(wanted.len());
        let is_new = |fields: &[(String, Bytes)], name: &str| {
            wanted.contains(&name) && !fields.iter().any(|(known, _)| known == name)
        };
        if is_multipart {
            let mut form = Multipart::from_request(request, &()).await?.field_limit(WITH_MORE);
            while let Some(field) = form.next_field().await? {
                let name = field.name().to_owned();
                if is_new(&fields, &name) {
                    fields.push((name, field.bytes().await?));
                }
            }
        } else {
            let RawBody(body) = RawBody::from_request(request, &()).await?;
            for pair in body.split(|byte| *byte == b'&') {
                let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
                let name = String::from_utf8_lossy(&decoded(&pair[..equals])).into_owned();
                if is_new(&fields, &name) {
                    fields.push((name, decoded(pair.get(equals + 1..).unwrap_or_default()).into()));
                }
            }
        }
        Ok(Self(fields))
    }

    /// The first field of a name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The same, which has to be there.
    ///
    /// # Errors
    /// 422, with the name.
    pub(super) fn require(&self, name: &str) -> Result<&[u8]> {
        self.get(name).ok_or_else(|| missing(name))
    }

    /// The same as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// What a service has to send, and did not.
#[track_caller]
pub(super) fn missing(name: &str) -> Error {
    Error::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`{name}` is missing."))
        .code("inbound_mail_incomplete")
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let words = text.split(|byte| *byte == b'+').map(|word| percent_decode(word));
    let mut bytes = Vec::with_capacity(text.len());
    for (index, word) in words.enumerate() {
        if index > 0 {
            bytes.push(b' ');
        }
        bytes.extend(word);
    }
    bytes
}
