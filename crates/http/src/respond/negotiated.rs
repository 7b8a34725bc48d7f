//! One thing as JSON for programs and as a page for people.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::describe::{DescribeResponse, Operation, Schematic};
use crate::extract::Json;

/// JSON or a page, as the client prefers. [`Accepts::json_or_html`](crate::negotiate::Accepts::json_or_html) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Negotiated<J, H = String> {
    /// For programs.
    Json(J),
    /// For people.
    Html(H),
}

impl<J: Serialize, H> IntoResponse for Negotiated<J, H>
where
    Html<H>: IntoResponse,
{
    fn into_response(self) -> Response {
        let mut response = match self {
            Self::Json(value) => Json(value).into_response(),
            Self::Html(page) => Html(page).into_response(),
        };
        // So that no cache gives the page to a program.
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        response
    }
}

impl<J: Schematic, H> DescribeResponse for Negotiated<J, H> {
    fn describe(operation: &mut Operation) {
        <Json<J> as DescribeResponse>::describe(operation);
        <Html<H> as DescribeResponse>::describe(operation);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn describes_one_response_of_two_types() {
        let mut operation = Operation::new(Method::GET, "/", "show");
        Negotiated::<u8, String>::describe(&mut operation);
        let types: Vec<_> =
            operation.responses[0].contents.iter().map(|content| content.media_type).collect();
        assert_eq!(types, ["application/json", "text/html; charset=utf-8"]);
    }
}
