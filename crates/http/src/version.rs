//! Versions of an API, and what is on its way out.
//!
//! ```
//! use mainstay_core::App;
//! use mainstay_http::version::{ApiVersions, Deprecation};
//! use mainstay_http::{RoutesExt, get, routes};
//!
//! #[get("/articles", versions = "1")]
//! async fn list_1() -> &'static str {
//!     "as it was"
//! }
//!
//! #[get("/articles", versions = "2..")]
//! async fn list() -> &'static str {
//!     "as it is"
//! }
//!
//! let leaving = Deprecation::since("2026-01-01").sunset("2026-12-31").see("https://shop.example/moving-to-2");
//! let versions = ApiVersions::new([1, 2]).unless_said(2).deprecated(1, leaving);
//! let app = App::new().api_versions(versions).routes(routes![list_1, list]);
//! ```
//!
//! A version is one whole number, since what a client has to know is whether something would break it. Routes without versions
//! belong to all, and pay nothing for those that have some.
//!
//! Reading order: this file (which versions there are, and which one a request asks for), [`deprecation`] (what leaves, and when),
//! `marks` (what answers say of it, and who is told), `check` (what is found at start).

mod check;
pub mod deprecation;
mod marks;

use std::borrow::Cow;
use std::fmt;
use std::ops::{RangeFrom, RangeInclusive, RangeToInclusive};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use mainstay_core::{Contribution, Error, Module, Result};

pub use deprecation::{AfterSunset, Deprecation};

pub(crate) use check::check;
pub(crate) use marks::{Calls, Marks};

use crate::describe::{ErrorSpec, Operation, Parameter, Place, schema_of};
use crate::extract::words::clip;
use crate::negotiate::{each, split};
use crate::route::RouteInfo;
use crate::route::group::Placed;

/// Which versions an API has, and how a request says which one it is for: by the header `Api-Version`, unless it is to be another.
///
/// Versions by path need none of it: `Group::new("/v1")` beside `Group::new("/v2")`.
#[derive(Clone, Debug)]
pub struct ApiVersions {
    versions: Vec<u32>,
    unless_said: Option<u32>,
    header: HeaderName,
    parameter: Option<String>,
    deprecated: Vec<(u32, Deprecation)>,
}

/// More values of one request than this are not looked at: they differ already, or repeat one another.
const MOST: usize = 16;

impl ApiVersions {
    /// An API that has these. A request that does not say which one it is for is answered with 400, unless
    /// [one is meant then](Self::unless_said).
    pub fn new(versions: impl IntoIterator<Item = u32>) -> Self {
        let mut versions: Vec<u32> = versions.into_iter().collect();
        versions.sort_unstable();
        versions.dedup();
        Self {
            versions,
            unless_said: None,
            header: HeaderName::from_static("api-version"),
            parameter: None,
            deprecated: Vec::new(),
        }
    }

    /// The version that is meant by a request that does not say. Make it the oldest where there are clients from before there were
    /// versions: they go on as they did.
    #[must_use]
    pub fn unless_said(mut self, version: u32) -> Self {
        self.unless_said = Some(version);
        self
    }

    /// Takes this header instead of `Api-Version`.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// Takes a parameter of `Accept` as well: with `"version"`, `Accept: application/json; version=2`.
    #[must_use]
    pub fn media_type(mut self, parameter: impl Into<String>) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    /// Says that clients should move away from a version: in every answer of that version by a route that has versions.
    #[must_use]
    pub fn deprecated(mut self, version: u32, deprecation: Deprecation) -> Self {
        self.deprecated.push((version, deprecation));
        self
    }

    /// Which there are, in order.
    pub fn all(&self) -> &[u32] {
        &self.versions
    }

    /// The version that is meant by a request that does not say.
    pub fn default_version(&self) -> Option<u32> {
        self.unless_said
    }

    pub(crate) fn deprecation_of(&self, version: u32) -> Option<&Deprecation> {
        self.deprecated.iter().find(|(known, _)| *known == version).map(|(_, deprecation)| deprecation)
    }

    /// The header by which a request says it.
    pub fn header_name(&self) -> &HeaderName {
        &self.header
    }

    /// The fields on which it depends which version answers.
    pub(crate) fn vary(&self) -> HeaderValue {
        if self.parameter.is_some() {
            HeaderValue::try_from(format!("{}, {}", self.header, header::ACCEPT)).unwrap_or(ANYTHING)
        } else {
            self.header.clone().into()
        }
    }

    /// The version that a request asks for.
    pub(crate) fn asked(&self, headers: &HeaderMap) -> Result<u32, WrongVersion> {
        let by_header =
            headers.get_all(&self.header).iter().map(|value| value.to_str().unwrap_or("?").trim());
        let by_media_type = self.parameter.iter().flat_map(|parameter| parameters(headers, parameter));
        let mut texts = by_header.chain(by_media_type).take(MOST);
        let Some(first) = texts.next() else { return self.unless_said.ok_or(WrongVersion::Missing) };
        if let Some(second) = texts.find(|text| *text != first) {
            let (first, second) = (clip(first).to_string(), clip(second).to_string());
            return Err(WrongVersion::Several { first, second });
        }
        match number(first) {
            Some(version) if self.versions.contains(&version) => Ok(version),
            _ => Err(WrongVersion::Unknown { asked: clip(first).to_string() }),
        }
    }

    /// What is said of a version that a route does not have.
    pub(crate) fn refuse(&self, wrong: WrongVersion, has: &[u32]) -> NoSuchVersion {
        let (field, there) = (&self.header, in_words(has));
        let (code, message) = match wrong {
            WrongVersion::Missing => {
                ("version_missing", format!("Say for which version it is, in `{field}`: there {there}."))
            }
            WrongVersion::Unknown { asked } => {
                ("version_unsupported", format!("There is no version `{asked}` here: there {there}."))
            }
            WrongVersion::Several { first, second } => (
                "version_ambiguous",
                format!("The request is for the versions `{first}` and `{second}` at once: there {there}."),
            ),
        };
        NoSuchVersion { code, message, vary: self.vary() }
    }

    /// Says of each operation with versions how to ask for one.
    pub(crate) fn document(&self, placed: &mut [Placed]) {
        for route in placed.iter_mut().map(|placed| &mut placed.route) {
            let Some(range) = route.settings.versions else { continue };
            let own: Vec<u32> = self.within(range).collect();
            self.describe(&mut route.operation, &own);
        }
    }

    fn describe(&self, operation: &mut Operation, own: &[u32]) {
        let says = "The version of the API that the request is for.";
        let mut parameter = Parameter::new(Place::Header, title(&self.header))
            .description(says)
            .schema(schema_of::<String>())
            .choices(own.iter().map(u32::to_string));
        parameter.required = self.unless_said.is_none_or(|version| !own.contains(&version));
        operation.parameter(parameter);
        let says = "The version of the API that answers.";
        operation.header(
            Parameter::new(Place::Header, title(&self.header)).description(says).schema(schema_of::<u32>()),
        );
        let mut refused = |code: &'static str, says: &'static str| {
            operation.error(ErrorSpec::new(StatusCode::BAD_REQUEST, says).code(code));
        };
        if self.unless_said.is_none() {
            refused("version_missing", "The request does not say for which version it is.");
        }
        refused("version_unsupported", "The request is for a version that this operation does not have.");
        refused("version_ambiguous", "The request is for several versions at once.");
    }

    /// What is known of an operation as it is in one version; none where that version does not have it.
    pub fn operation_in<'r>(&self, version: u32, route: &'r RouteInfo) -> Option<Cow<'r, Operation>> {
        let Some(range) = route.versions else { return Some(Cow::Borrowed(&route.operation)) };
        if !range.contains(version) {
            return None;
        }
        let mut operation = route.operation.clone();
        self.describe(&mut operation, &[version]);
        if let Some(deprecation) = self.deprecation_of(version) {
            deprecation.describe(&mut operation);
        }
        Some(Cow::Owned(operation))
    }

    /// Those of the versions that are in a range.
    pub(crate) fn within(&self, range: VersionRange) -> impl Iterator<Item = u32> {
        self.versions.iter().copied().filter(move |version| range.contains(*version))
    }
}

impl Contribution for ApiVersions {
    fn installs() -> Option<Module> {
        Some(crate::module::http())
    }
}

const ANYTHING: HeaderValue = HeaderValue::from_static("*");

/// `api-version` as people write it. Names of headers compare without case.
fn title(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_ascii_uppercase()),
        None => String::new(),
    });
    words.collect::<Vec<_>>().join("-")
}

fn parameters<'h>(headers: &'h HeaderMap, wanted: &'h str) -> impl Iterator<Item = &'h str> {
    let ranges = each(headers, header::ACCEPT).filter(|range| !is_signed_exchange(range));
    ranges.flat_map(|range| split(range, ';').skip(1)).filter_map(move |part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// Browsers say with every page that they ask for which version of that format they know: `application/signed-exchange;v=b3`.
fn is_signed_exchange(range: &str) -> bool {
    split(range, ';')
        .next()
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("application/signed-exchange"))
}

/// Digits alone: `+2` and `02` are other texts for what has one already.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// `is version 2`, `are the versions 1, 2 and 3`.
fn in_words(versions: &[u32]) -> String {
    let texts: Vec<_> = versions.iter().map(u32::to_string).collect();
    match &texts[..] {
        [] => "is none".to_owned(),
        [only] => format!("is version {only}"),
        [first @ .., last] => format!("are the versions {} and {last}", first.join(", ")),
    }
}

/// Why a request is for no version that there is.
#[derive(Clone, Debug)]
pub(crate) enum WrongVersion {
    Missing,
    Unknown { asked: String },
    Several { first: String, second: String },
}

/// What is answered then.
#[derive(Clone, Debug)]
pub(crate) struct NoSuchVersion {
    code: &'static str,
    message: String,
    vary: HeaderValue,
}

impl From<NoSuchVersion> for Error {
    fn from(no: NoSuchVersion) -> Self {
        Self::bad_request(no.message).code(no.code).header(header::VARY, no.vary)
    }
}

/// Versions from one to another, both among them: `1`, `1..=2`, `..=2` or `2..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    from: u32,
    to: u32,
}

impl VersionRange {
    /// Whether a version is one of them.
    pub fn contains(self, version: u32) -> bool {
        (self.from..=self.to).contains(&version)
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.from.max(other.from) <= self.to.min(other.to)
    }
}

impl From<u32> for VersionRange {
    fn from(version: u32) -> Self {
        Self { from: version, to: version }
    }
}

impl From<RangeInclusive<u32>> for VersionRange {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self { from: *range.start(), to: *range.end() }
    }
}

impl From<RangeFrom<u32>> for VersionRange {
    fn from(range: RangeFrom<u32>) -> Self {
        Self { from: range.start, to: u32::MAX }
    }
}

impl From<RangeToInclusive<u32>> for VersionRange {
    fn from(range: RangeToInclusive<u32>) -> Self {
        Self { from: 0, to: range.end }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (from, to) if from == to => write!(f, "{from}"),
            (0, to) => write!(f, "..={to}"),
            (from, u32::MAX) => write!(f, "{from}.."),
            (from, to) => write!(f, "{from}..={to}"),
        }
    }
}
