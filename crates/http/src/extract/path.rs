//! The parameters of a path.

use std::borrow::Cow;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::{Error, Fault, Result};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::fields::{self, Origin, Pair};
use super::parameter_errors;
use crate::describe::schema::describe_path;
use crate::describe::{Describe, Operation, Outline, Schematic};
use crate::route::RouteMatch;

/// What the path gives to the parameters of the route's pattern.
///
/// `Path<u64>` for a pattern with one parameter, `Path<(String, u64)>` for several in their order, `Path<MyStruct>` by
/// their names. A value that is not of its type is refused with 400: the address is understood, and wrong. Answer with
/// 404 yourself where there is nothing at an address.
///
/// ```
/// use mainstay_http::extract::Path;
///
/// // GET /users/{user}/posts/{post}
/// async fn show(Path((user, post)): Path<(String, u64)>) -> String {
///     format!("post {post} of {user}")
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T> Deref for Path<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match parts.extensions.get::<RouteMatch>() {
            Some(matched) => read(matched.raw()),
            None => read(std::iter::empty()),
        }
    }
}

/// Decodes and reads parameters.
fn read<'a, T: DeserializeOwned>(raw: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Path<T>> {
    let mut pairs: Vec<Pair<'a>> = Vec::with_capacity(raw.size_hint().0);
    for (name, value) in raw {
        let Ok(value) = percent_decode_str(value).decode_utf8() else {
            let message = "it is not valid UTF-8 once decoded";
            return Err(Origin::Path.refuse(vec![Fault::new(
                Origin::Path.pointer(name),
                "encoding",
                message,
            )]));
        };
        pairs.push((Cow::Borrowed(name), value));
    }
    fields::read(pairs, Origin::Path).map(Path)
}

/// Reads a `T` from parameters of these names, to see whether it asks for others.
fn misses<T: DeserializeOwned>(names: &[&str]) -> Option<String> {
    let error = read::<T>(names.iter().map(|name| (*name, "0"))).err()?;
    if error.status().is_server_error() {
        let report = error.report();
        return Some(report.rsplit(": ").next().unwrap_or_default().to_owned());
    }
    // That `0` is not a good value says nothing.
    let missing = error.faults().iter().filter(|fault| fault.code == "required");
    let missing: Vec<String> =
        missing.map(|fault| format!("`{}`", fault.pointer.trim_start_matches("path:"))).collect();
    (!missing.is_empty()).then(|| format!("the handler takes the path parameter {}", missing.join(", ")))
}

impl<T: DeserializeOwned + Schematic> Describe for Path<T> {
    fn describe(operation: &mut Operation) {
        Self::outline(operation);
        describe_path::<T>(operation);
    }
}

impl<T: DeserializeOwned> Outline for Path<T> {
    fn outline(operation: &mut Operation) {
        parameter_errors(operation);
        operation.path_checks.push(misses::<T>);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<T: DeserializeOwned>(raw: &[(&'static str, &'static str)]) -> Result<Path<T>> {
        read(raw.iter().copied())
    }

    #[test]
    fn decodes_once() {
        assert_eq!(path::<String>(&[("name", "a%20b+c%2Fd%2520")]).unwrap().0, "a b+c/d%20");
    }

    #[test]
    fn names_the_parameter_that_is_wrong() {
        let error = path::<u64>(&[("id", "abc")]).unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(
            error.message(),
            "The path parameter `id`: expected an integer that is not negative, found `abc`."
        );
        let error = path::<String>(&[("name", "%ff")]).unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults()[0].pointer.as_str()), (400, "path:name"));
    }

    #[test]
    fn a_pattern_without_parameters_is_the_program_s_fault() {
        let error = path::<u64>(&[]).unwrap_err();
        assert_eq!(error.status(), 500);
        assert!(error.report().contains("the pattern of the route has 0"), "{}", error.report());
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(value in "[^/]{0,30}") {
            let raw = [("a", value.as_str())];
            let _ = read::<String>(raw.into_iter());
            let _ = read::<(i8,)>(raw.into_iter());
            let encoded: String = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC).collect();
            proptest::prop_assert_eq!(read::<String>([("a", encoded.as_str())].into_iter()).unwrap().0, value);
        }
    }
}
