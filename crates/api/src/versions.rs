//! One document for each version of the API.
//!
//! Operations of several versions share an address, and a document has room for one at each. So `/openapi.json?version=2` is what
//! a client of version 2 sees: what has no versions, and of the rest what is there in this one, which is also what
//! `openapi --check` compares and a typed client is made from. Without the parameter it is the version that is meant by a request
//! that does not say, or else the last. Versions by path have addresses of their own, and one document.

use std::borrow::Cow;
use std::sync::OnceLock;

use axum::body::Bytes;
use http::Uri;
use mainstay_core::{Contributions, Error, Result};
use mainstay_http::describe::Operation;
use mainstay_http::route::RouteInfo;
use mainstay_http::version::ApiVersions;

use crate::openapi::Document;

/// The documents of an application, each built when it is first asked for.
pub(crate) struct Documents {
    api: Option<ApiVersions>,
    /// One, or one for each version.
    built: Vec<Built>,
    /// Which of them is the usual one.
    usual: usize,
}

/// A document, and what is sent of it.
#[derive(Default)]
pub(crate) struct Built {
    /// The version; none where there are no versions.
    pub(crate) version: Option<u32>,
    pub(crate) document: OnceLock<Document>,
    pub(crate) bytes: OnceLock<Bytes>,
}

impl Documents {
    pub(crate) fn new(contributions: &Contributions) -> Self {
        let api = contributions.of::<ApiVersions>().next().map(|api| api.value.clone());
        let versions = api.as_ref().map(ApiVersions::all).unwrap_or_default();
        let mut built: Vec<_> =
            versions.iter().map(|version| Built { version: Some(*version), ..Built::default() }).collect();
        if built.is_empty() {
            built.push(Built::default());
        }
        let meant = api.as_ref().and_then(ApiVersions::default_version);
        let usual = built.iter().position(|one| one.version == meant).unwrap_or(built.len() - 1);
        Self { api, built, usual }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Built> {
        self.built.iter()
    }

    pub(crate) fn usual(&self) -> &Built {
        &self.built[self.usual]
    }

    /// The document of a version.
    ///
    /// # Errors
    ///
    /// 404 when there is no such version.
    pub(crate) fn of(&self, version: &str) -> Result<&Built> {
        let text = |one: &Built| one.version.map(|version| version.to_string());
        self.built.iter().find(|one| text(one).as_deref() == Some(version)).ok_or_else(|| {
            let there: Vec<_> = self.built.iter().filter_map(text).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            Error::not_found(format!("There is no document of this version. There are: {there}."))
                .code("version_unsupported")
        })
    }

    /// The document that a request asks for.
    pub(crate) fn asked(&self, uri: &Uri) -> Result<&Built> {
        let query = uri.query().unwrap_or_default();
        match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "version") {
            Some((_, version)) => self.of(&version),
            None => Ok(self.usual()),
        }
    }

    /// An operation as it is in a version; none where that version does not have it.
    pub(crate) fn operation<'r>(&self, built: &Built, route: &'r RouteInfo) -> Option<Cow<'r, Operation>> {
        match (&self.api, built.version) {
            (Some(api), Some(version)) => api.operation_in(version, route),
            _ => Some(Cow::Borrowed(&route.operation)),
        }
    }
}
