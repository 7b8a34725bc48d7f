//! What came back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mainstay_core::{Error, Result};
use serde::de::DeserializeOwned;

use crate::failure::{Failure, OutboundError, excerpt};
use crate::retry;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    response: http::Response<Bytes>,
    about: About,
}

/// What was asked, for errors.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) upstream: String,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) attempts: u32,
}

impl About {
    pub(crate) fn failed(self, failure: Failure) -> OutboundError {
        let Self { upstream, method, url, attempts } = self;
        OutboundError { upstream, method, url, attempts, failure }
    }
}

impl Answer {
    pub(crate) fn new(response: http::Response<Bytes>, about: About) -> Self {
        Self { response, about }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// How long the upstream asks to be left alone: `Retry-After`, be it seconds or a date. None where it does not.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        retry::retry_after(self.headers(), now)
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        self.response.body()
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// 502 where it is not of this type. The log says where it differs.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let mut json = serde_json::Deserializer::from_slice(self.bytes());
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| self.misfit(error.path().to_string(), error.inner().to_string()))?;
        json.end().map_err(|error| self.misfit(".".to_owned(), error.to_string()))?;
        Ok(value)
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// 502 where it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(self.bytes()).map_err(|error| self.misfit(".".to_owned(), error.to_string()))
    }

    #[track_caller]
    fn misfit(&self, path: String, message: String) -> Error {
        let excerpt = excerpt(self.bytes());
        self.about.clone().failed(Failure::Misfit { path, message, excerpt }).into_error()
    }
}
