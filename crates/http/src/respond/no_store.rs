//! What nobody keeps: a token, a code.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::describe::{DescribeResponse, Operation, OutlineResponse};

/// An answer that no cache keeps, neither a shared one nor that of a browser: `Cache-Control: no-store`.
///
/// ```
/// use mainstay_http::extract::Json;
/// use mainstay_http::respond::NoStore;
///
/// async fn token() -> NoStore<Json<&'static str>> {
///     NoStore(Json("a text that is good for a month"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoStore<T>(pub T);

impl<T: IntoResponse> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<T: DescribeResponse> DescribeResponse for NoStore<T> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

impl<T: OutlineResponse> OutlineResponse for NoStore<T> {
    fn outline(operation: &mut Operation) {
        T::outline(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_place_of_whatever_was_said_of_caches() {
        let kept = ([(header::CACHE_CONTROL, "max-age=60")], "x");
        let response = NoStore(kept).into_response();
        let told: Vec<_> = response.headers().get_all(header::CACHE_CONTROL).iter().collect();
        assert_eq!(told, ["no-store"]);
    }
}
