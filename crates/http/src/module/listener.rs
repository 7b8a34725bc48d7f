//! The service `http`: lets the world in.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::config::Config;
use mainstay_core::service::{Running, Service, Stage};
use mainstay_core::{Inject, Profile, Result};

use crate::app::Http;
use crate::config::HttpConfig;

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
    bound.serve(Arc::clone(&http), stop).await;
    // Handlers whose client has hung up come to their end as well; the supervisor's deadline is theirs.
    http.finished().await;
    Ok(())
}
