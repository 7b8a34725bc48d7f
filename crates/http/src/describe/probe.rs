//! Asking a type that may have nothing to say.
//!
//! `#[get]` sees the types of a handler's arguments as text. It cannot know whether they implement [`Describe`], and a
//! user's own extractor must not have to. So it writes a *probe* for each of them, and lets method resolution choose
//! (autoref specialisation, <https://lukaskalbertodt.github.io/2019/12/05/generalized-autoref-based-specialization.html>).
//!
//! Three traits have a method of the same name. One is implemented for `&&Probe<T>` where `T: Describe`, one for
//! `&Probe<T>` where `T: Outline`, one for `Probe<T>` and every `T`. The compiler looks at the receiver `&&&Probe<T>`,
//! then at `&&Probe<T>`, then at `&Probe<T>`, and takes the first whose bounds hold:
//!
//! | `T` is | chosen | and says |
//! |---|---|---|
//! | [`Describe`] | [`Described`] | all that it knows |
//! | one of our extractors around a type without schema | [`Outlined`] | media type, errors; its name goes to [`Operation::opaque`] |
//! | anything else | [`Opaque`] | its name; it may need axum's router |
//!
//! Return types have one step more, for the `Result` of such an extractor's type.
//!
//! The choice is made where the macro is written, so `T` must be a concrete type there: inside a generic function the
//! bounds of `T` are unknown, and every probe ends as opaque.

use std::marker::PhantomData;

use super::{Describe, DescribeResponse, Operation, Outline, OutlineResponse, ResponseSpec};

/// Stands for a `T` that nobody has to build.
pub struct Probe<T: ?Sized>(PhantomData<fn() -> Box<T>>);

impl<T: ?Sized> Probe<T> {
    /// A probe for `T`.
    #[expect(clippy::new_without_default, reason = "only macros make one, and they name the type")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// The first choice: `T` describes itself.
pub trait Described {
    /// Asks `T` as an argument.
    fn describe_argument(&self, operation: &mut Operation);
}

impl<T: Describe> Described for &&Probe<T> {
    fn describe_argument(&self, operation: &mut Operation) {
        T::describe(operation);
    }
}

/// The second choice: `T` is known, but not the type inside it.
pub trait Outlined {
    /// Asks `T` as an argument.
    fn describe_argument(&self, operation: &mut Operation);
}

impl<T: Outline> Outlined for &Probe<T> {
    fn describe_argument(&self, operation: &mut Operation) {
        operation.opaque::<T>();
        T::outline(operation);
    }
}

/// The last choice: nothing is known of `T`.
pub trait Opaque {
    /// Notes the name of `T`, and that it may need what axum's router provides.
    fn describe_argument(&self, operation: &mut Operation);
}

impl<T: ?Sized> Opaque for Probe<T> {
    fn describe_argument(&self, operation: &mut Operation) {
        operation.opaque::<T>();
        operation.needs_axum_router = true;
    }
}

/// The first choice: `T` describes what it answers.
pub trait DescribedResponse {
    /// Asks `T` as a return type.
    fn describe_response(&self, operation: &mut Operation);
}

impl<T: DescribeResponse> DescribedResponse for &&&Probe<T> {
    fn describe_response(&self, operation: &mut Operation) {
        T::describe(operation);
    }
}

/// The second choice: `T` is known, but not every type inside it.
pub trait OutlinedResponse {
    /// Asks `T` as a return type.
    fn describe_response(&self, operation: &mut Operation);
}

impl<T: OutlineResponse> OutlinedResponse for &&Probe<T> {
    fn describe_response(&self, operation: &mut Operation) {
        operation.opaque::<T>();
        T::outline(operation);
    }
}

/// The third choice, a step that only return types have: a `Result` whose good half is known, but for the type inside.
pub trait OutlinedResult {
    /// Asks the good half of `T` as a return type.
    fn describe_response(&self, operation: &mut Operation);
}

impl<T: OutlineResponse, E> OutlinedResult for &Probe<Result<T, E>> {
    fn describe_response(&self, operation: &mut Operation) {
        operation.opaque::<Result<T, E>>();
        T::outline(operation);
    }
}

/// The last choice: nothing is known of what `T` answers.
pub trait OpaqueResponse {
    /// Notes the name of `T`, and a response of which nothing is known.
    fn describe_response(&self, operation: &mut Operation);
}

impl<T: ?Sized> OpaqueResponse for Probe<T> {
    fn describe_response(&self, operation: &mut Operation) {
        operation.opaque::<T>();
        operation.response(ResponseSpec::new(ResponseSpec::ANY));
    }
}

/// Asks a type, as an argument of a handler, what it has to say: `describe_argument!(Json<Article>, &mut operation)`.
#[macro_export]
#[doc(hidden)]
macro_rules! __describe_argument {
    ($type:ty, $operation:expr) => {{
        #[allow(unused_imports, reason = "which of them is used depends on the type")]
        use $crate::describe::probe::{Described as _, Opaque as _, Outlined as _};
        (&&&$crate::describe::probe::Probe::<$type>::new()).describe_argument($operation)
    }};
}

/// Asks a type, as the return type of a handler, what it answers.
#[macro_export]
#[doc(hidden)]
macro_rules! __describe_response {
    ($type:ty, $operation:expr) => {{
        #[allow(unused_imports, reason = "which of them is used depends on the type")]
        use $crate::describe::probe::{
            DescribedResponse as _, OpaqueResponse as _, OutlinedResponse as _, OutlinedResult as _,
        };
        (&&&&$crate::describe::probe::Probe::<$type>::new()).describe_response($operation)
    }};
}

#[doc(inline)]
pub use __describe_argument as describe_argument;
#[doc(inline)]
pub use __describe_response as describe_response;

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, StatusCode};
    use http::Method;

    use super::*;

    struct Stranger;

    /// Has no schema, whether the feature is on or not.
    struct Plain;

    fn argument(describe: fn(&mut Operation)) -> Operation {
        let mut operation = Operation::new(Method::POST, "/{id}", "create");
        describe(&mut operation);
        operation
    }

    #[test]
    fn asks_a_type_that_describes_itself() {
        let operation = argument(|operation| describe_argument!(axum::Json<String>, operation));
        assert!(operation.opaque.is_empty());
        assert_eq!(operation.body.unwrap().contents[0].media_type, "application/json");
    }

    #[test]
    fn names_a_type_that_says_nothing() {
        let operation = argument(|operation| describe_argument!(Stranger, operation));
        assert_eq!(operation.opaque, [std::any::type_name::<Stranger>()]);
        assert!(operation.needs_axum_router);
        let operation = argument(|operation| describe_response!(Stranger, operation));
        assert_eq!(operation.opaque, [std::any::type_name::<Stranger>()]);
        assert!(!operation.needs_axum_router);
        assert_eq!(operation.responses[0].status, ResponseSpec::ANY);
    }

    #[cfg(feature = "schema")]
    #[test]
    fn outlines_what_wraps_a_type_without_schema() {
        let operation = argument(|operation| describe_argument!(axum::Json<Plain>, operation));
        assert_eq!(operation.opaque, [std::any::type_name::<axum::Json<Plain>>()]);
        assert!(!operation.needs_axum_router, "an extractor that is known needs no router");
        let content = &operation.body.unwrap().contents[0];
        assert_eq!(content.media_type, "application/json");
        assert!(content.schema.is_none());

        let operation = argument(|operation| describe_response!(axum::Json<Plain>, operation));
        assert_eq!(operation.responses[0].status, 200);
        assert_eq!(operation.opaque.len(), 1);

        let operation = argument(|operation| {
            describe_response!(Result<crate::respond::Created<axum::Json<Plain>>, Stranger>, operation);
        });
        assert_eq!(operation.responses[0].status, 201);
        assert_eq!(operation.responses[0].contents[0].media_type, "application/json");
    }

    #[cfg(not(feature = "schema"))]
    #[test]
    fn asks_nothing_of_the_type_inside_without_the_feature() {
        let operation = argument(|operation| describe_argument!(axum::Json<Plain>, operation));
        assert!(operation.opaque.is_empty());
        assert!(operation.body.unwrap().contents[0].schema.is_none());
    }

    #[test]
    fn marks_what_only_axum_s_router_provides() {
        let operation = argument(|operation| describe_argument!(axum::extract::Path<u32>, operation));
        assert!(operation.needs_axum_router);
        assert_eq!(operation.parameters[0].name, "id");
        let operation = argument(|operation| describe_argument!(HeaderMap, operation));
        assert!(!operation.needs_axum_router);
        assert!(operation.opaque.is_empty());
    }

    #[test]
    fn outlines_a_result_whose_error_is_unknown() {
        let operation = argument(|operation| describe_response!(Result<String, Stranger>, operation));
        assert_eq!(operation.responses[0].contents[0].media_type, "text/plain; charset=utf-8");
        assert_eq!(operation.opaque.len(), 1);
        let operation = argument(|operation| describe_response!(Result<(), StatusCode>, operation));
        assert!(operation.opaque.is_empty());
    }
}
