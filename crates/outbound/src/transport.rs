//! One request out, one answer in.
//!
//! In reading order: `tls` (who is trusted), `connector` (how a connection comes to be), `connection` (what it is).

mod connection;
mod connector;
pub(crate) mod tls;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

pub use self::connector::ConnectError;
pub(crate) use self::connector::Connector;
pub use self::tls::authorities;
use crate::failure::Failure;
use crate::filter::Filter;

/// What a stub does with a request.
pub(crate) type Respond = dyn Fn(http::Request<Bytes>) -> http::Response<Bytes> + Send + Sync;

/// What carries requests.
pub(crate) enum Transport {
    /// Connections, kept open for the next request.
    Network(Box<Client<Connector, Full<Bytes>>>),
    /// A function, in tests.
    Stub(Arc<Respond>),
}

/// A connection that nobody has used for so long is closed. Servers commonly do so after a minute or more.
const IDLE: Duration = Duration::from_secs(30);

/// Connections that are kept open for the next request.
pub(crate) fn pooled<B>(connector: Connector) -> Client<Connector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector)
}

impl Transport {
    pub(crate) fn network(
        tls: Arc<ClientConfig>,
        connect_timeout: Duration,
        filter: Option<Arc<Filter>>,
    ) -> Self {
        let connector = Connector { tls: TlsConnector::from(tls), timeout: connect_timeout, filter };
        Self::Network(Box::new(pooled(connector)))
    }

    /// Sends a request and reads the whole answer, of which at most `limit` bytes of body.
    pub(crate) async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limit: u64,
    ) -> Result<http::Response<Bytes>, Failure> {
        let client = match self {
            Self::Network(client) => client,
            Self::Stub(respond) => return Ok(respond(request)),
        };
        let response = client.request(request.map(Full::new)).await.map_err(failure)?;
        let (head, body) = response.into_parts();
        if body.size_hint().lower() > limit {
            return Err(Failure::TooLarge { limit });
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let body = Limited::new(body, most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Failure::TooLarge { limit } } else { Failure::Broken(error) }
        })?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    }
}

/// What went wrong before there was the head of an answer.
fn failure(error: hyper_util::client::legacy::Error) -> Failure {
    if !error.is_connect() {
        return Failure::Broken(Box::new(error));
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(now) = cause {
        if let Some(ConnectError::Refused(refusal)) = now.downcast_ref() {
            return Failure::Refused(refusal.clone());
        }
        cause = now.source();
    }
    Failure::Connect(Box::new(error))
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network(_) => "Network",
            Self::Stub(_) => "Stub",
        })
    }
}
