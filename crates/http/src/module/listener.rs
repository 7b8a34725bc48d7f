//! The service `http`: lets the world in.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use mainstay_core::config::Config;
use mainstay_core::service::{Running, Service, Shutdown, Stage};
use mainstay_core::{Inject, Profile, Result};

use crate::app::Http;
use crate::config::HttpConfig;
use crate::listen::{Dispatch, Peer};
use crate::respond::end_at;

/// So long before the supervisor would cut everything off, the listener does it itself and tells how much it was.
const LAST_WORD: Duration = Duration::from_millis(500);

/// The service. It starts last and stops first; a port that is in use fails the start.
pub(super) fn listener() -> Service {
    Service::new("http", serve).stage(Stage::Edge)
}

async fn serve(
    running: Running,
    http: Inject<Http>,
    config: Inject<HttpConfig>,
    files: Inject<Config>,
    profile: Inject<Profile>,
) -> Result<()> {
    let bound = config.listen().within(files.home()).bind(&profile).await?;
    tracing::info!(url = bound.url(), "listening");
    running.ready();
    let shutdown = running.shutdown().clone();
    let stop = async move {
        shutdown.requested().await;
        shutdown.deadline().map(|deadline| deadline.checked_sub(LAST_WORD).unwrap_or(deadline))
    };
    let http: Arc<Http> = http.into_arc();
    http.watch(bound.metrics());
    let application = Draining { http: Arc::clone(&http), shutdown: running.shutdown().clone() };
    bound.serve(Arc::new(application), stop).await;
    // Handlers whose client has hung up come to their end as well; the supervisor's deadline is theirs.
    http.finished().await;
    Ok(())
}

/// The application, and the request to stop: streams of events end at it, since they have no end of their own.
struct Draining {
    http: Arc<Http>,
    shutdown: Shutdown,
}

impl Dispatch for Draining {
    async fn dispatch(&self, request: Request<Incoming>, peer: &Arc<Peer>) -> Response {
        let mut response = self.http.dispatch(request, peer).await;
        end_at(&mut response, &self.shutdown);
        response
    }
}
