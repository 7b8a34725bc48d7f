//! Query strings.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use mainstay_core::{Error, Result};
use serde::de::DeserializeOwned;

use super::fields::{self, Origin};
use super::urlencoded;
use crate::describe::{Describe, Operation, Outline, Schematic};

/// The query string, read into a struct.
///
/// A name may be given several times for a list (`tag=a&tag=b`). Numbers and booleans are parsed; for an optional one,
/// `limit=` is the same as nothing. Unknown names are ignored unless the struct says `#[serde(deny_unknown_fields)]`.
/// A request is refused with 400 and one fault for each parameter that is wrong or missing.
///
/// ```
/// use mainstay_http::extract::Query;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Filter {
///     #[serde(default)]
///     tag: Vec<String>,
///     limit: Option<u8>,
/// }
///
/// async fn list(Query(filter): Query<Filter>) -> String {
///     format!("{} of {:?}", filter.limit.unwrap_or(20), filter.tag)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> Query<T> {
    /// Reads the query string of an address.
    pub fn of(uri: &Uri) -> Result<Self> {
        let pairs = urlencoded::parse(uri.query().unwrap_or_default().as_bytes(), Origin::Query)?;
        fields::read(pairs, Origin::Query).map(Self)
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.uri)
    }
}

impl<T: Schematic> Describe for Query<T> {
    fn describe(operation: &mut Operation) {
        axum::extract::Query::<T>::describe(operation);
    }
}

impl<T> Outline for Query<T> {
    fn outline(operation: &mut Operation) {
        axum::extract::Query::<T>::outline(operation);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn reads_an_address_with_and_without_a_query() {
        let with: Query<HashMap<String, String>> = Query::of(&Uri::from_static("/a?b=c%20d")).unwrap();
        assert_eq!(with["b"], "c d");
        let without: Query<HashMap<String, String>> = Query::of(&Uri::from_static("/a")).unwrap();
        assert!(without.is_empty());
    }
}
