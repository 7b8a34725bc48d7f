//! Problem details (RFC 9457): how an error is written for programs.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use mainstay_core::{Error, Fault, StatusCode};
use serde::Serialize;

use super::{json, typed};

/// The body of an error, as `application/problem+json`.
///
/// It has what is public of an [`Error`] and nothing else: no context, no cause, no place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// An address that names the kind of problem. `about:blank`: the status says all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words: the reason phrase of the status.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// What went wrong this time, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What went wrong, for programs, such as `article_not_found`.
    pub code: String,
    /// What names this request in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What is wrong with the input, place by place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub errors: Vec<ProblemFault>,
}

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProblemFault {
    /// Where: a JSON pointer into the body (`/author/name`), or a parameter such as `query:limit`.
    pub pointer: String,
    /// What kind, for programs: `required`, `type`, `length`…
    pub code: String,
    /// What, for people.
    pub message: String,
}

impl Problem {
    /// The content type.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// What the public half of an error says.
    pub fn from_error(error: &Error) -> Self {
        let message = error.message();
        Self {
            kind: "about:blank".to_owned(),
            title: error.status().canonical_reason().unwrap_or("Error").to_owned(),
            status: error.status().as_u16(),
            detail: (!message.is_empty()).then(|| message.to_owned()),
            instance: None,
            code: error.machine_code().to_owned(),
            request_id: None,
            errors: error.faults().iter().map(ProblemFault::from).collect(),
        }
    }

    /// Adds the path that was asked for.
    #[must_use]
    pub fn instance(mut self, path: impl Into<String>) -> Self {
        self.instance = Some(path.into());
        self
    }

    /// Adds what names the request in the log.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }
}

impl From<&Fault> for ProblemFault {
    fn from(fault: &Fault) -> Self {
        Self {
            pointer: fault.pointer.clone(),
            code: fault.code.clone().into_owned(),
            message: fault.message.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and a number can always be written; an empty body still has the status.
        let mut response = typed(Self::MEDIA_TYPE, Body::from(json::write(&self).unwrap_or_default()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn tells_the_public_half_of_an_error() {
        let error =
            Error::invalid(vec![Fault::new("/title", "required", "it is required")]).context("secret");
        let response = Problem::from_error(&error).instance("/articles").request_id("a1").into_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "The input is not valid.",
            "instance": "/articles",
            "code": "validation_failed",
            "request_id": "a1",
            "errors": [{ "pointer": "/title", "code": "required", "message": "it is required" }],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn keeps_the_private_half() {
        let error = Error::internal("the password is x").caused_by(std::io::Error::other("disk /dev/sda"));
        let text = serde_json::to_string(&Problem::from_error(&error)).unwrap();
        assert!(!text.contains("password") && !text.contains("sda"), "{text}");
        assert!(text.contains("\"status\":500"));
    }
}
