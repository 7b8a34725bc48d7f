//! JSON responses.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use mainstay_core::Error;
use serde::Serialize;

use super::typed;
use crate::describe::{DescribeResponse, Operation, OutlineResponse, Schematic};
use crate::extract::Json;

/// Room for a small object, so that most responses are written without growing.
const CAPACITY: usize = 512;

/// Writes a value, or makes the error that a value which cannot be written is.
pub(super) fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut text = Vec::with_capacity(CAPACITY);
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => Ok(text),
        Err(error) => {
            Err(Error::internal(format!("writing {} as JSON", std::any::type_name::<T>())).caused_by(error))
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match write(&self.0) {
            Ok(text) => typed("application/json", Body::from(text)),
            Err(error) => error.into_response(),
        }
    }
}

impl<T: Schematic> DescribeResponse for Json<T> {
    fn describe(operation: &mut Operation) {
        <axum::Json<T> as DescribeResponse>::describe(operation);
    }
}

impl<T> OutlineResponse for Json<T> {
    fn outline(operation: &mut Operation) {
        <axum::Json<T> as OutlineResponse>::outline(operation);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn writes_json() {
        let response = Json(BTreeMap::from([("a", 1)])).into_response();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), r#"{"a":1}"#);
    }

    #[test]
    fn a_value_that_cannot_be_written_is_our_fault() {
        let response = Json(BTreeMap::from([((1, 2), 3)])).into_response();
        assert_eq!(response.status(), 500);
        let error = response.extensions().get::<Arc<Error>>().unwrap();
        assert!(error.report().contains("key must be a string"), "{}", error.report());
    }
}
