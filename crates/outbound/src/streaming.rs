//! Requests and answers of any length, to a service that the configuration names.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{Client, Error};
use mainstay_core::Result;
use tokio_rustls::TlsConnector;

use crate::transport::{Connector, pooled, tls};

/// Sends requests, and hands on answers as they come: for a part that brings the protocol of a service, and with it its own retries and
/// deadlines. Connections are trusted, shared and kept open as those of a [`Client`](crate::Client) are; nothing else of it is here:
/// neither breaker, nor limits, nor metrics, nor the filter of addresses. Clones share connections.
#[derive(Clone, Debug)]
pub struct Streaming<B>(Client<Connector, B>);

impl<B> Streaming<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Connections that trust the certificate authorities of the web, and those in the file `ca`. One that is not there after
    /// `connect_timeout` is given up.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no certificate.
    pub async fn open(ca: Option<&Path>, connect_timeout: Duration) -> Result<Self> {
        let tls = TlsConnector::from(tls::config(ca).await?);
        Ok(Self(pooled(Connector { tls, timeout: connect_timeout, filter: None })))
    }

    /// Sends a request, and returns the head of the answer, with its body still to come. How long it waits is the caller's to limit.
    ///
    /// # Errors
    ///
    /// When there is no connection, or it breaks.
    pub async fn send(&self, request: http::Request<B>) -> Result<http::Response<Incoming>, Error> {
        self.0.request(request).await
    }
}
