//! `body-limit`: how large a request body may be.

use std::path::Path;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use http::{HeaderMap, header};
use http_body_util::Limited;

use super::{Flow, Hook};
use crate::exchange::Exchange;
use crate::extract::{self, UploadFolder};

/// The part `body-limit`. A length that is declared is looked at before the handler runs; a body without one is cut
/// off while it is read.
#[derive(Clone, Debug)]
pub struct BodyLimit {
    bytes: u64,
    folder: Option<UploadFolder>,
}

impl BodyLimit {
    /// At most this many bytes, unless the route says otherwise.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, folder: None }
    }

    /// Keeps files of forms in this folder while their request is answered.
    #[must_use]
    pub fn keeping_files_in(mut self, folder: Option<&Path>) -> Self {
        self.folder = folder.map(|folder| UploadFolder(folder.into()));
        self
    }
}

impl Hook for BodyLimit {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        if http_body::Body::is_end_stream(request.body()) {
            return Flow::Continue;
        }
        let limit = exchange.route().and_then(|route| route.body_limit).unwrap_or(self.bytes);
        if declared(request.headers()).is_some_and(|length| length > limit) {
            return extract::BodyLimit(limit).exceeded().into();
        }
        // Our extractors count what comes out of a decompressor too, and name this limit when it is too much.
        request.extensions_mut().insert(extract::BodyLimit(limit));
        if let Some(folder) = &self.folder {
            request.extensions_mut().insert(folder.clone());
        }
        // Ours replaces the 2 MB that axum's own extractors would apply.
        DefaultBodyLimit::disable().apply(request);
        let body = std::mem::replace(request.body_mut(), Body::empty());
        *request.body_mut() = Body::new(Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX)));
        Flow::Continue
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
