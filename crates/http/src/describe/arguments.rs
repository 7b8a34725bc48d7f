//! What axum's own extractors say about themselves.

use axum::body::{Body, Bytes};
use axum::extract::{
    MatchedPath, Multipart, NestedPath, OriginalUri, RawForm, RawPathParams, RawQuery, Request, State,
};
use axum::{Extension, extract};
use http::{Extensions, HeaderMap, Method, StatusCode, Uri, Version};
use mainstay_core::Inject;
use mainstay_core::container::Need;
use mainstay_core::principal::Principal;

use super::schema::{describe_fields, describe_path};
use super::{BodySpec, Content, Describe, ErrorSpec, Operation, Outline, Place, Schematic};

/// The media types of bodies, as extractors and responders name them.
pub(crate) mod media {
    pub(crate) const ANY: &str = "*/*";
    pub(crate) const BINARY: &str = "application/octet-stream";
    pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
    pub(crate) const HTML: &str = "text/html; charset=utf-8";
    pub(crate) const JSON: &str = "application/json";
    pub(crate) const MULTIPART: &str = "multipart/form-data";
    pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
}

/// Adds the failures that reading any body can end in.
pub(crate) fn body_errors(operation: &mut Operation) {
    operation.error(ErrorSpec::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than allowed."));
}

/// Adds a body and the failures of reading a body of a certain media type.
pub(crate) fn typed_body(operation: &mut Operation, content: Content) {
    operation.body = Some(BodySpec::new(content));
    operation.error(ErrorSpec::new(StatusCode::BAD_REQUEST, "The body is not well-formed."));
    body_errors(operation);
    operation.error(ErrorSpec::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body has another content type."));
}

/// Adds a body, and that its data may not fit.
pub(crate) fn data_body(operation: &mut Operation, content: Content) {
    typed_body(operation, content);
    operation.error(
        ErrorSpec::new(StatusCode::UNPROCESSABLE_ENTITY, "The data does not fit.").code("validation_failed"),
    );
}

/// Adds that a parameter may not be readable.
pub(crate) fn parameter_errors(operation: &mut Operation) {
    operation.error(ErrorSpec::new(StatusCode::BAD_REQUEST, "A parameter is missing or cannot be read."));
}

/// Implements [`Describe`] for types that read nothing a client must know of.
macro_rules! nothing_to_say {
    ($($type:ty $(, <$parameter:ident>)?;)*) => {$(
        impl$(<$parameter>)? Describe for $type {
            fn describe(_operation: &mut Operation) {}
        }
    )*};
}

nothing_to_say! {
    ();
    Body;
    Extensions;
    HeaderMap;
    Method;
    OriginalUri;
    Principal;
    RawQuery;
    Request;
    Uri;
    Version;
    http::request::Parts;
    Extension<T>, <T>;
    State<T>, <T>;
}

/// Several extractors in one: each says what it has to say.
macro_rules! all_of {
    ($($extractor:ident),*) => {
        impl<$($extractor: Describe),*> Describe for ($($extractor,)*) {
            fn describe(operation: &mut Operation) {
                $($extractor::describe(operation);)*
            }
        }
    };
}

all_of!(A);
all_of!(A, B);
all_of!(A, B, C);
all_of!(A, B, C, D);

impl<T: ?Sized + 'static> Describe for Inject<T> {
    fn describe(operation: &mut Operation) {
        operation.needs.push(Need::of::<T>().in_request());
    }
}

/// Implements [`Describe`] for what reads the notes that axum's router leaves in a request.
macro_rules! needs_axum_router {
    ($($type:ty),*) => {$(
        impl Describe for $type {
            fn describe(operation: &mut Operation) {
                operation.needs_axum_router = true;
            }
        }
    )*};
}

needs_axum_router!(MatchedPath, NestedPath, RawPathParams);

impl<T: Schematic> Describe for extract::Path<T> {
    fn describe(operation: &mut Operation) {
        Self::outline(operation);
        describe_path::<T>(operation);
    }
}

impl<T> Outline for extract::Path<T> {
    fn outline(operation: &mut Operation) {
        operation.needs_axum_router = true;
        parameter_errors(operation);
    }
}

impl<T: Schematic> Describe for extract::Query<T> {
    fn describe(operation: &mut Operation) {
        Self::outline(operation);
        describe_fields::<T>(operation, Place::Query);
    }
}

impl<T> Outline for extract::Query<T> {
    fn outline(operation: &mut Operation) {
        parameter_errors(operation);
    }
}

impl<T: Schematic> Describe for axum::Json<T> {
    fn describe(operation: &mut Operation) {
        data_body(operation, Content::of::<T>(media::JSON));
    }
}

impl<T> Outline for axum::Json<T> {
    fn outline(operation: &mut Operation) {
        data_body(operation, Content::new(media::JSON));
    }
}

impl<T: Schematic> Describe for axum::Form<T> {
    fn describe(operation: &mut Operation) {
        data_body(operation, Content::of::<T>(media::FORM));
    }
}

impl<T> Outline for axum::Form<T> {
    fn outline(operation: &mut Operation) {
        data_body(operation, Content::new(media::FORM));
    }
}

impl Describe for RawForm {
    fn describe(operation: &mut Operation) {
        typed_body(operation, Content::new(media::FORM));
    }
}

impl Describe for Multipart {
    fn describe(operation: &mut Operation) {
        typed_body(operation, Content::new(media::MULTIPART));
    }
}

impl Describe for Bytes {
    fn describe(operation: &mut Operation) {
        operation.body = Some(BodySpec { required: false, contents: vec![Content::new(media::ANY)] });
        body_errors(operation);
    }
}

impl Describe for String {
    fn describe(operation: &mut Operation) {
        let content = Content::of::<String>(media::TEXT);
        operation.body = Some(BodySpec { required: false, contents: vec![content] });
        operation.error(ErrorSpec::new(StatusCode::BAD_REQUEST, "The body is not UTF-8."));
        body_errors(operation);
    }
}

/// The same, but the request may do without.
impl<E: Describe> Describe for Option<E> {
    fn describe(operation: &mut Operation) {
        let parameters = operation.parameters.len();
        let security = operation.security.len();
        let needs = operation.needs.len();
        let had_body = operation.body.is_some();
        E::describe(operation);
        for parameter in operation.parameters.iter_mut().skip(parameters) {
            // A path without one of its segments is another path.
            parameter.required &= parameter.place == Place::Path;
        }
        for proof in operation.security.iter_mut().skip(security) {
            proof.optional = true;
        }
        for need in operation.needs.iter_mut().skip(needs) {
            *need = need.optional();
        }
        if let Some(body) = operation.body.as_mut()
            && !had_body
        {
            body.required = false;
        }
    }
}

/// The same, but the handler sees the failure and decides.
impl<E: Describe, R> Describe for Result<E, R> {
    fn describe(operation: &mut Operation) {
        let errors = operation.errors.len();
        E::describe(operation);
        operation.errors.truncate(errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::{Parameter, SecurityScheme, SecuritySpec};

    struct Guard;

    impl Describe for Guard {
        fn describe(operation: &mut Operation) {
            operation.parameter(Parameter::new(Place::Header, "X-Key").required());
            let scheme = SecurityScheme::Key { place: Place::Header, name: "X-Key".into() };
            operation.security.push(SecuritySpec::new("key", scheme));
            operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, ""));
        }
    }

    fn described<T: Describe>() -> Operation {
        let mut operation = Operation::new(Method::POST, "/", "create");
        T::describe(&mut operation);
        operation
    }

    #[test]
    fn an_option_makes_parameters_bodies_and_proofs_optional() {
        let operation = described::<Option<Guard>>();
        assert!(!operation.parameters[0].required);
        assert!(operation.security[0].optional);
        assert!(!described::<Option<axum::Json<String>>>().body.unwrap().required);
        assert!(described::<axum::Json<String>>().body.unwrap().required);
    }

    #[test]
    fn tells_what_it_takes_from_the_container() {
        let needs = described::<Option<Inject<str>>>().needs;
        assert_eq!(needs, [Need::of::<str>().in_request().optional()]);
        assert_eq!(described::<Inject<str>>().needs, [Need::of::<str>().in_request()]);
    }

    #[test]
    fn a_result_leaves_the_failure_to_the_handler() {
        let operation = described::<Result<Guard, StatusCode>>();
        assert!(operation.errors.is_empty());
        assert!(operation.parameters[0].required);
        assert_eq!(described::<Guard>().errors[0].description, "Unauthorized");
    }
}
