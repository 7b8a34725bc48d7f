//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::config::ListenConfig;
use super::link::{Lease, Link, Order, Stage};
use super::metrics::count;
use super::peer::{Dispatch, Peer, PeerAddress, Protocol, TlsInfo};
use super::problem::WireProblem;
use super::socket::{Socket, Transport};
use super::wire::Wire;

/// How long to go on reading what nobody wants, so that the peer gets to read its answer: closing a socket with
/// unread bytes resets the connection, and the reset overtakes the answer.
const LAST_READS: Duration = Duration::from_secs(1);

/// hyper sizes its table of header fields on the stack for this many, and on the heap for any other number.
const FIELDS_ON_STACK: usize = 100;

/// What all connections of a listener have in common.
pub(super) struct Shared<D> {
    dispatch: Arc<D>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    max_headers: usize,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl<D> Shared<D> {
    pub(super) fn new(dispatch: Arc<D>, config: &ListenConfig) -> Self {
        let mut http1 = http1::Builder::new();
        // No time-out of hyper's: the sweep does it for less (see the folder's front page).
        http1
            .header_read_timeout(None)
            .max_header_size(usize::try_from(config.max_header_bytes).unwrap_or(usize::MAX))
            .pipeline_flush(config.http1.pipeline_flush);
        if config.max_headers != FIELDS_ON_STACK {
            http1.max_headers(config.max_headers);
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        let interval = config.http2.keep_alive_interval;
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.http2.max_concurrent_streams)
            .max_pending_accept_reset_streams(config.http2.max_pending_resets)
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            // For each stream: a slow reader of many must not keep hundreds of megabytes.
            .max_send_buf_size(128 * 1024)
            .keep_alive_interval((!interval.is_zero()).then_some(interval))
            .keep_alive_timeout(config.http2.keep_alive_timeout);
        Self {
            dispatch,
            http1,
            http2,
            max_headers: config.max_headers,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    #[cfg(feature = "tls")]
    pub(super) fn with_tls(mut self, acceptor: Option<tokio_rustls::TlsAcceptor>) -> Self {
        self.tls = acceptor;
        self
    }
}

/// A socket that was just accepted.
pub(super) struct Accepted {
    pub(super) socket: Socket,
    pub(super) address: PeerAddress,
    pub(super) local: Option<std::net::SocketAddr>,
}

/// Serves a connection to its end.
pub(super) async fn serve<D: Dispatch>(shared: Arc<Shared<D>>, accepted: Accepted, lease: Lease) {
    let link = Arc::clone(&lease.link);
    let Accepted { socket, address, local } = accepted;
    let Some(Handshake { transport, tls, protocol }) = handshake(&shared, socket, &link).await else {
        return;
    };
    let mut wire = Wire::new(transport, address, lease);
    let protocol = match protocol {
        Some(protocol) => protocol,
        None => match link.unless_aborted(wire.sniff()).await {
            Some(Ok(Some(protocol))) => protocol,
            // It went away, or said too little in time.
            Some(Ok(None) | Err(_)) | None => return,
        },
    };
    let peer = Arc::new(Peer { address, local, tls, protocol });
    let live = Arc::new(Live {
        dispatch: Arc::clone(&shared.dispatch),
        peer,
        link,
        max_headers: shared.max_headers,
        had_body: AtomicBool::new(false),
    });
    match protocol {
        Protocol::Http1 => http1(&shared, live, wire).await,
        // Boxed, so that the far more frequent HTTP/1.1 connection does not carry the room for it.
        Protocol::Http2 => Box::pin(http2(&shared, live, wire)).await,
    }
}

struct Handshake {
    transport: Transport,
    tls: Option<TlsInfo>,
    /// What was agreed on (ALPN), if anything was.
    protocol: Option<Protocol>,
}

#[cfg(feature = "tls")]
async fn handshake<D>(shared: &Shared<D>, socket: Socket, link: &Link) -> Option<Handshake> {
    let Some(acceptor) = &shared.tls else {
        return Some(Handshake { transport: Transport::Plain(socket), tls: None, protocol: None });
    };
    link.enter(Stage::Handshake);
    // Boxed, so that connections without TLS do not carry the room for it.
    let stream = match link.unless_aborted(Box::pin(acceptor.accept(socket))).await? {
        Ok(stream) => stream,
        Err(error) => {
            count(&link.registry.metrics.handshake_failures);
            tracing::debug!(%error, "a TLS handshake failed");
            return None;
        }
    };
    link.enter(Stage::Http1);
    let session = stream.get_ref().1;
    let tls = TlsInfo {
        server_name: session.server_name().map(str::to_owned),
        version: match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
    };
    let protocol = session.alpn_protocol().map(|agreed| match agreed {
        b"h2" => Protocol::Http2,
        _ => Protocol::Http1,
    });
    Some(Handshake { transport: Transport::Tls(Box::new(stream)), tls: Some(tls), protocol })
}

#[cfg(not(feature = "tls"))]
async fn handshake<D>(_shared: &Shared<D>, socket: Socket, _link: &Link) -> Option<Handshake> {
    Some(Handshake { transport: Transport::Plain(socket), tls: None, protocol: None })
}

/// What the requests of one connection share.
struct Live<D> {
    dispatch: Arc<D>,
    peer: Arc<Peer>,
    link: Arc<Link>,
    max_headers: usize,
    /// Some request had a body, of which a rest may be unread.
    had_body: AtomicBool,
}

impl<D: Dispatch> Live<D> {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Answer<D>>, Infallible> {
        let open = OpenRequest::begin(self);
        let live = &*open.0;
        if !http_body::Body::is_end_stream(request.body()) {
            live.had_body.store(true, Relaxed);
        }
        // In HTTP/1.1, hyper has counted already.
        let mut response = if request.headers().len() > live.max_headers {
            WireProblem::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The request has too many header fields, or they are too long.",
                live.peer.address,
            )
            .response()
        } else {
            live.dispatch.dispatch(request, &live.peer).await
        };
        if live.link.order() >= Order::Drain
            && live.peer.protocol == Protocol::Http1
            && response.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Answer { body, _open: open }))
    }
}

/// A request whose response is not completely written. Travels with the response's body.
struct OpenRequest<D>(Arc<Live<D>>);

impl<D> OpenRequest<D> {
    fn begin(live: Arc<Live<D>>) -> Self {
        live.link.request_begins();
        Self(live)
    }
}

impl<D> Drop for OpenRequest<D> {
    fn drop(&mut self) {
        self.0.link.request_ends();
    }
}

/// A response's body. hyper drops it when the last of it is in the hands of the connection.
struct Answer<D> {
    body: Body,
    _open: OpenRequest<D>,
}

impl<D> http_body::Body for Answer<D> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn http1<D: Dispatch>(shared: &Shared<D>, live: Arc<Live<D>>, wire: Wire) {
    let link = Arc::clone(&live.link);
    let service = {
        let live = Arc::clone(&live);
        service_fn(move |request: Request<Incoming>| Arc::clone(&live).answer(request))
    };
    let mut connection = shared.http1.serve_connection(TokioIo::new(wire), service).with_upgrades();
    let mut asked = false;
    let end = std::future::poll_fn(|cx| {
        link.watch(cx);
        let order = link.order();
        if order == Order::Abort {
            return Poll::Ready(None);
        }
        loop {
            if let Poll::Ready(end) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Some(end));
            }
            // hyper closes an idle connection at once when it is asked to. In a drain, one without an open request
            // is left alone for a moment: its next request may be in the socket already.
            if asked || order == Order::Serve || (order == Order::Drain && link.open() == 0) {
                return Poll::Pending;
            }
            asked = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
    })
    .await;
    let Some(parts) = connection.into_parts() else {
        link.enter(Stage::Upgraded);
        return;
    };
    let mut wire = parts.io.into_inner();
    match end {
        // Half a head, and no more in time. Who said nothing at all is not spoken to either.
        None if link.open() == 0 && link.is_partial() => {
            let problem = WireProblem::new(
                StatusCode::REQUEST_TIMEOUT,
                "The head of the request did not arrive in time.",
                live.peer.address,
            );
            last_words(&mut wire, &problem.last_words()).await;
        }
        None => {}
        Some(Ok(())) if live.had_body.load(Relaxed) && !wire.has_ended() => read_out(&mut wire).await,
        Some(Ok(())) => {}
        Some(Err(error)) if error.is_parse() => {
            count(&link.registry.metrics.malformed);
            read_out(&mut wire).await;
        }
        // The peer went away: nothing to be done, and nothing to be said above debug.
        Some(Err(error)) => tracing::debug!(%error, "a connection broke"),
    }
}

async fn last_words(wire: &mut Wire, words: &[u8]) {
    let farewell = async {
        wire.write_all(words).await?;
        wire.shutdown().await
    };
    if let Ok(Ok(())) = tokio::time::timeout(LAST_READS, farewell).await {
        read_out(wire).await;
    }
}

/// Reads and forgets until the peer has closed, for a moment at most.
async fn read_out(wire: &mut Wire) {
    let reading = async {
        let mut scrap = vec![0; 4096];
        while let Ok(1..) = wire.read(&mut scrap).await {}
    };
    // The connection's own time-outs do not count any more: this one is shorter.
    let _ended_or_not = tokio::time::timeout(LAST_READS, reading).await;
}

async fn http2<D: Dispatch>(shared: &Shared<D>, live: Arc<Live<D>>, wire: Wire) {
    let link = Arc::clone(&live.link);
    link.enter(Stage::Http2);
    let service = service_fn(move |request: Request<Incoming>| Arc::clone(&live).answer(request));
    let mut connection = pin!(shared.http2.serve_connection(TokioIo::new(wire), service));
    let mut asked = false;
    std::future::poll_fn(|cx| {
        link.watch(cx);
        let order = link.order();
        if order == Order::Abort {
            return Poll::Ready(());
        }
        loop {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                if let Err(error) = end {
                    tracing::debug!(%error, "a connection broke");
                }
                return Poll::Ready(());
            }
            if asked || order == Order::Serve {
                return Poll::Pending;
            }
            asked = true;
            // Two GOAWAYs with a ping between them: what the peer has sent already is still answered.
            connection.as_mut().graceful_shutdown();
        }
    })
    .await;
}
