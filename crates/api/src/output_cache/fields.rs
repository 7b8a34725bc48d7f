//! What answers say: `Cache-Status` (RFC 9211), `Age`, `Vary`; and what they say of themselves in `Cache-Control`.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use mainstay_core::{Error, Result};
use mainstay_http::extract::{EntityTag, EntityTags, Header, HeaderField, IfNoneMatch};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It was kept, and is for so many seconds more; less than none where it is stale.
    Hit(i64),
    /// It was made, and is kept.
    Stored,
    /// It was made for another who asked at the same time.
    Collapsed,
    /// It was made, and is not kept.
    NotStored(&'static str),
    /// The cache was not asked.
    Bypass(&'static str),
}

impl Status {
    fn value(self) -> HeaderValue {
        let text = match self {
            Self::Hit(ttl) => format!("mainstay; hit; ttl={ttl}"),
            Self::Stored => return HeaderValue::from_static("mainstay; fwd=miss; stored"),
            Self::Collapsed => return HeaderValue::from_static("mainstay; fwd=miss; collapsed"),
            Self::NotStored(why) => format!("mainstay; fwd=miss; detail={why}"),
            Self::Bypass(why) => format!("mainstay; fwd=bypass; detail={why}"),
        };
        // Tokens and numbers are text.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("mainstay"))
    }

    /// Says it, also of an error.
    pub(super) fn say(self, outcome: Result<Response>) -> Result<Response> {
        match outcome {
            Ok(mut response) => {
                response.headers_mut().append(CACHE_STATUS, self.value());
                Ok(response)
            }
            Err(error) => Err(Error::header(error, CACHE_STATUS, self.value())),
        }
    }
}

/// What `Cache-Control` says: names in lower case, and values.
pub(super) fn directives(headers: &HeaderMap) -> impl Iterator<Item = (String, &str)> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'))
    })
}

/// The fields that `Vary` names, in lower case.
pub(super) fn varying(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let lines = headers.get_all(header::VARY).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let names: Vec<_> = lines
        .flat_map(|line| line.split(',').map(|name| name.trim().to_ascii_lowercase()).collect::<Vec<_>>())
        .collect();
    names.into_iter().filter(|name| !name.is_empty())
}

/// Adds these to what `Vary` names.
pub(super) fn add_varying(headers: &mut HeaderMap, names: &[String]) {
    let known: Vec<_> = varying(headers).collect();
    for name in names.iter().filter(|name| !known.contains(name)) {
        if let Ok(name) = HeaderValue::try_from(name) {
            headers.append(header::VARY, name);
        }
    }
}

/// What a request says that its client has.
#[derive(Default)]
pub(super) struct Known {
    tags: Option<IfNoneMatch>,
    since: Option<HeaderValue>,
}

impl Known {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // What is no list of tags is passed over.
        let tags = Header::<IfNoneMatch>::of(headers).ok().flatten().map(|Header(tags)| tags);
        Self { tags, since: headers.get(header::IF_MODIFIED_SINCE).cloned() }
    }

    /// Whether the client has it. A date counts where it is the very one that the client was told.
    fn has(&self, headers: &HeaderMap) -> bool {
        match &self.tags {
            Some(tags) => entity_tag(headers).is_some_and(|tag| !tags.holds(Some(&tag))),
            None => self.since.is_some() && self.since.as_ref() == headers.get(header::LAST_MODIFIED),
        }
    }

    /// The answer, or 304 where the client has it.
    pub(super) fn or_not_modified(&self, mut response: Response) -> Response {
        if response.status() != StatusCode::OK || !self.has(response.headers()) {
            return response;
        }
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        for name in
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE]
        {
            response.headers_mut().remove(name);
        }
        response
    }
}

fn entity_tag(headers: &HeaderMap) -> Option<EntityTag> {
    // It is written as in a list with one.
    let value = headers.get(header::ETAG)?.to_str().ok()?;
    match IfNoneMatch::parse(&[value]).ok()?.0 {
        EntityTags::Listed(tags) => tags.into_iter().next(),
        EntityTags::Any => None,
    }
}
