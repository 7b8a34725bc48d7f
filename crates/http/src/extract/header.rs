//! Headers, one by one with a type of their own, or several in a struct.

use std::borrow::Cow;
use std::ops::Deref;
use std::str::FromStr;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mainstay_core::{Error, Fault, Result};
use serde::de::DeserializeOwned;

use super::fields::{self, Origin, Pair};
use super::words::clip;
use crate::describe::{
    Describe, Operation, Parameter, Place, Schematic, SecurityScheme, SecuritySpec, schema_of,
};

/// Headers, read into a struct. A field `user_agent` reads `User-Agent`: case does not matter, and `_` stands for `-`.
///
/// ```
/// use mainstay_http::extract::Headers;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Caller {
///     x_tenant: String,
///     x_attempt: Option<u32>,
/// }
///
/// async fn whoami(Headers(caller): Headers<Caller>) -> String {
///     format!("{}, attempt {}", caller.x_tenant, caller.x_attempt.unwrap_or(1))
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<T>(pub T);

impl<T> Deref for Headers<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Headers<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        // Values that are no text cannot be what a struct asks for.
        let pairs = parts.headers.iter().filter_map(|(name, value)| {
            let pair: Pair<'_> = (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.to_str().ok()?));
            Some(pair)
        });
        fields::read(pairs.collect(), Origin::Header).map(Self)
    }
}

impl<T: Schematic> Describe for Headers<T> {
    fn describe(operation: &mut Operation) {
        super::describe_renamed::<T>(operation, Place::Header, |name| name.replace('_', "-"));
    }
}

/// A header with a type of its own.
pub trait HeaderField: Sized {
    /// Its name.
    fn name() -> HeaderName;

    /// Reads its values, one for each line. Fails with what was expected.
    fn parse(values: &[&str]) -> Result<Self, Cow<'static, str>>;

    /// What it proves of who is calling, as documents say it. Nothing, unless it says so.
    fn proof() -> Option<SecuritySpec> {
        None
    }
}

/// One header, of type `T`. `Option<Header<T>>` where the request may do without.
///
/// ```
/// use mainstay_http::extract::{Bearer, Header};
///
/// async fn secret(Header(Bearer(token)): Header<Bearer>) -> String {
///     format!("{} characters", token.len())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<T>(pub T);

impl<T> Deref for Header<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: HeaderField> Header<T> {
    /// The header among these, if it is there.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let name = T::name();
        let values: Vec<&HeaderValue> = headers.get_all(&name).iter().collect();
        if values.is_empty() {
            return Ok(None);
        }
        let texts: Result<Vec<&str>, _> = values.iter().map(|value| value.to_str()).collect();
        let Ok(texts) = texts else { return Err(refused(&name, "type", "expected ASCII text".to_owned())) };
        match T::parse(&texts) {
            Ok(value) => Ok(Some(Self(value))),
            Err(expected) if name == header::AUTHORIZATION => {
                Err(refused(&name, "type", format!("expected {expected}")))
            }
            Err(expected) => {
                let message = format!("expected {expected}, found `{}`", clip(&texts.join(", ")));
                Err(refused(&name, "type", message))
            }
        }
    }
}

#[track_caller]
fn refused(name: &HeaderName, code: &'static str, message: String) -> Error {
    Origin::Header.refuse(vec![Fault::new(Origin::Header.pointer(name.as_str()), code, message)])
}

impl<T: HeaderField, S: Sync> FromRequestParts<S> for Header<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.headers)?
            .ok_or_else(|| refused(&T::name(), "required", "it is required, and missing".to_owned()))
    }
}

impl<T: HeaderField, S: Sync> OptionalFromRequestParts<S> for Header<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Self::of(&parts.headers)
    }
}

impl<T: HeaderField> Describe for Header<T> {
    fn describe(operation: &mut Operation) {
        let name = T::name().to_string();
        operation.parameter(Parameter::new(Place::Header, name).required().schema(schema_of::<String>()));
        operation.security.extend(T::proof());
        super::parameter_errors(operation);
    }
}

/// The version of a representation (RFC 9110, 8.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    /// Whether it only says that two representations mean the same, not that their bytes are.
    pub weak: bool,
    /// What is between the quotation marks.
    pub tag: String,
}

impl EntityTag {
    /// A tag that changes with every byte.
    pub fn strong(tag: impl Into<String>) -> Self {
        Self { weak: false, tag: tag.into() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let tag = quoted.strip_prefix('"')?.strip_suffix('"')?;
        let valid = tag.bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80);
        valid.then(|| Self { weak, tag: tag.to_owned() })
    }
}

impl std::fmt::Display for EntityTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.tag)
    }
}

/// The tags of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: any representation that there is.
    Any,
    /// One of these.
    Listed(Vec<EntityTag>),
}

impl EntityTags {
    fn parse(values: &[&str]) -> Result<Self, Cow<'static, str>> {
        if let [only] = values
            && only.trim() == "*"
        {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        for value in values {
            let mut rest = value.trim();
            while !rest.is_empty() {
                // A tag may hold a comma, so the end is the second quotation mark.
                let open = rest.find('"').ok_or(EXPECTED_TAGS)?;
                let close = rest[open + 1..].find('"').ok_or(EXPECTED_TAGS)? + open + 2;
                tags.push(EntityTag::parse(&rest[..close]).ok_or(EXPECTED_TAGS)?);
                rest = rest[close..].trim_start();
                rest = match rest.strip_prefix(',') {
                    Some(next) => next.trim_start_matches([',', ' ', '\t']),
                    None if rest.is_empty() => rest,
                    None => return Err(EXPECTED_TAGS.into()),
                };
            }
        }
        if tags.is_empty() { Err(EXPECTED_TAGS.into()) } else { Ok(Self::Listed(tags)) }
    }
}

const EXPECTED_TAGS: &str = "`*` or quoted entity tags";

/// As in the header `If-Match`: `*`, or tags with commas between.
impl FromStr for EntityTags {
    type Err = Cow<'static, str>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(&[text])
    }
}

/// `If-Match`: do it only if this is still what you have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(pub EntityTags);

impl IfMatch {
    /// Whether it holds for the current version, if there is one. Compares bytes: a weak tag never matches.
    pub fn holds(&self, current: Option<&EntityTag>) -> bool {
        match (&self.0, current) {
            (_, None) => false,
            (EntityTags::Any, Some(_)) => true,
            (EntityTags::Listed(tags), Some(current)) => {
                !current.weak && tags.iter().any(|tag| !tag.weak && tag.tag == current.tag)
            }
        }
    }
}

impl HeaderField for IfMatch {
    fn name() -> HeaderName {
        header::IF_MATCH
    }

    fn parse(values: &[&str]) -> Result<Self, Cow<'static, str>> {
        EntityTags::parse(values).map(Self)
    }
}

/// `If-None-Match`: answer only if you have something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfNoneMatch(pub EntityTags);

impl IfNoneMatch {
    /// Whether it holds for the current version, if there is one. Compares meaning: weak tags match.
    pub fn holds(&self, current: Option<&EntityTag>) -> bool {
        match (&self.0, current) {
            (_, None) => true,
            (EntityTags::Any, Some(_)) => false,
            (EntityTags::Listed(tags), Some(current)) => tags.iter().all(|tag| tag.tag != current.tag),
        }
    }
}

impl HeaderField for IfNoneMatch {
    fn name() -> HeaderName {
        header::IF_NONE_MATCH
    }

    fn parse(values: &[&str]) -> Result<Self, Cow<'static, str>> {
        EntityTags::parse(values).map(Self)
    }
}

/// `Last-Event-ID`: where a stream of events was when it broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEventId(pub String);

impl HeaderField for LastEventId {
    fn name() -> HeaderName {
        HeaderName::from_static("last-event-id")
    }

    fn parse(values: &[&str]) -> Result<Self, Cow<'static, str>> {
        match values {
            [id] => Ok(Self((*id).to_owned())),
            _ => Err("a single id".into()),
        }
    }
}

/// `Authorization: Bearer …`: the token alone. It is not in messages, nor in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(pub String);

impl HeaderField for Bearer {
    fn name() -> HeaderName {
        header::AUTHORIZATION
    }

    fn parse(values: &[&str]) -> Result<Self, Cow<'static, str>> {
        let token = match values {
            [value] => value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")),
            _ => None,
        };
        match token.map(|(_, token)| token.trim()) {
            Some(token) if !token.is_empty() => Ok(Self(token.to_owned())),
            _ => Err("`Bearer` and a token".into()),
        }
    }

    fn proof() -> Option<SecuritySpec> {
        Some(SecuritySpec::new("bearer", SecurityScheme::Bearer { format: None }))
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn parts(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::builder();
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[derive(Debug, Deserialize)]
    struct Caller {
        x_tenant: String,
        #[serde(rename = "X-Attempt")]
        attempt: Option<u8>,
    }

    #[tokio::test]
    async fn reads_a_struct_of_headers() {
        let mut good = parts(&[("X-Tenant", "acme"), ("x-attempt", "2"), ("accept", "*/*")]);
        let Headers(caller) = Headers::<Caller>::from_request_parts(&mut good, &()).await.unwrap();
        assert_eq!((caller.x_tenant.as_str(), caller.attempt), ("acme", Some(2)));
        let error =
            Headers::<Caller>::from_request_parts(&mut parts(&[("x-attempt", "x")]), &()).await.unwrap_err();
        let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["header:X-Attempt", "header:x-tenant"]);
    }

    fn tags<T: HeaderField>(value: &'static str) -> Result<T> {
        let parts = parts(&[("if-match", value), ("if-none-match", value)]);
        Header::<T>::of(&parts.headers).map(|header| header.unwrap().0)
    }

    #[test]
    fn compares_entity_tags_strongly_and_weakly() {
        let current = EntityTag::strong("a,b");
        assert!(tags::<IfMatch>(r#""x", "a,b""#).unwrap().holds(Some(&current)));
        assert!(!tags::<IfMatch>(r#"W/"a,b""#).unwrap().holds(Some(&current)));
        assert!(!tags::<IfMatch>("*").unwrap().holds(None));
        assert!(!tags::<IfNoneMatch>(r#"W/"a,b""#).unwrap().holds(Some(&current)));
        assert!(tags::<IfNoneMatch>("*").unwrap().holds(None));
        for bad in ["a", "\"a", "\"a\" \"b\"", "", "W\"a\"", "\"a\", *"] {
            let error = tags::<IfMatch>(bad).unwrap_err();
            assert_eq!(error.faults()[0].pointer, "header:if-match", "{bad}");
        }
    }

    #[tokio::test]
    async fn a_missing_header_is_named() {
        let error = <Header<Bearer> as FromRequestParts<()>>::from_request_parts(&mut parts(&[]), &())
            .await
            .unwrap_err();
        assert_eq!(error.message(), "The header `authorization`: it is required, and missing.");
        type Optional = Option<Header<Bearer>>;
        let none =
            <Optional as FromRequestParts<()>>::from_request_parts(&mut parts(&[]), &()).await.unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn a_bearer_token_is_documented_as_a_proof() {
        let described = |describe: fn(&mut Operation)| {
            let mut operation = Operation::new(http::Method::GET, "/", "list");
            describe(&mut operation);
            operation.security.into_iter().map(|proof| (proof.scheme, proof.optional)).collect::<Vec<_>>()
        };
        let bearer = SecurityScheme::Bearer { format: None };
        assert_eq!(described(<Header<Bearer>>::describe), [(bearer.clone(), false)]);
        assert_eq!(described(<Option<Header<Bearer>>>::describe), [(bearer, true)]);
        assert_eq!(described(<Header<IfMatch>>::describe), []);
    }

    #[test]
    fn never_shows_a_credential() {
        let error = Header::<Bearer>::of(&parts(&[("authorization", "Basic c2VjcmV0")]).headers).unwrap_err();
        assert!(!format!("{error:?} {}", error.message()).contains("c2VjcmV0"));
        let bearer =
            Header::<Bearer>::of(&parts(&[("authorization", "bearer abc")]).headers).unwrap().unwrap();
        assert_eq!(bearer.0.0, "abc");
        assert!(!format!("{bearer:?}").contains("abc"));
    }

    proptest::proptest! {
        #[test]
        fn no_value_makes_it_panic(value in "[\\x20-\\x7e]{0,40}") {
            let _ = EntityTags::parse(&[&value]);
            let _ = Bearer::parse(&[&value]);
        }

        #[test]
        fn reads_the_tags_that_it_writes(list in proptest::collection::vec("[!#-~]{0,8}", 1..5)) {
            let tags: Vec<_> = list.into_iter().map(EntityTag::strong).collect();
            let text = tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            proptest::prop_assert_eq!(EntityTags::parse(&[&text]), Ok(EntityTags::Listed(tags)));
        }
    }
}
