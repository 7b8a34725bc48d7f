//! 201, with the address of what is new.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::redirect::location;
use crate::describe::{DescribeResponse, Operation, OutlineResponse, Parameter, Place, schema_of};

/// 201 with the `Location` of what was made, and what the body shall be.
///
/// ```
/// use mainstay_http::extract::Json;
/// use mainstay_http::respond::Created;
///
/// async fn create() -> Created<Json<u32>> {
///     Created(format!("/articles/{}", 7), Json(7))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<T = ()>(pub String, pub T);

impl<T: IntoResponse> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        // What became an error on its way, such as JSON that cannot be written, stays one.
        if response.status().is_success() {
            *response.status_mut() = StatusCode::CREATED;
            response.headers_mut().insert(header::LOCATION, location(&self.0));
        }
        response
    }
}

/// What the body says, under 201 and with `Location`.
fn created(operation: &mut Operation, describe_body: fn(&mut Operation)) {
    let mut body = Operation::new(operation.method.clone(), "", "");
    describe_body(&mut body);
    let location = Parameter::new(Place::Header, "Location")
        .required()
        .description("The address of what was made.")
        .schema(schema_of::<str>());
    for response in body.responses {
        operation.response(response.with_status(201).header(location.clone()));
    }
    body.opaque.retain(|name| !operation.opaque.contains(name));
    operation.opaque.append(&mut body.opaque);
}

impl<T: DescribeResponse> DescribeResponse for Created<T> {
    fn describe(operation: &mut Operation) {
        created(operation, T::describe);
    }
}

impl<T: OutlineResponse> OutlineResponse for Created<T> {
    fn outline(operation: &mut Operation) {
        created(operation, T::outline);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::extract::Json;

    #[test]
    fn tells_where_the_new_thing_is() {
        let response = Created("/tags/grün".to_owned(), Json(1)).into_response();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[header::LOCATION], "/tags/gr%C3%BCn");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    }

    #[test]
    fn leaves_an_error_as_it_is() {
        let unwritable = Json(std::collections::BTreeMap::from([((1, 2), 3)]));
        let response = Created("/x".to_owned(), unwritable).into_response();
        assert_eq!(response.status(), 500);
        assert!(!response.headers().contains_key(header::LOCATION));
    }

    #[test]
    fn describes_the_body_under_201() {
        let mut operation = Operation::new(Method::POST, "/", "create");
        Created::<Json<u8>>::describe(&mut operation);
        let response = &operation.responses[0];
        assert_eq!((response.status, response.description.as_str()), (201, "Created"));
        assert_eq!((response.contents.len(), response.headers[0].name.as_str()), (1, "Location"));
    }
}
