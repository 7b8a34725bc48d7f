//! What all output caches of an application share.

use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use mainstay_core::clock::Clock;
use mainstay_core::metrics::{Counter, Metrics};
use mainstay_core::service::Running;
use mainstay_core::{Inject, Result};
use mainstay_store::Cache;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::OutputCacheConfig;
use super::fields::Status;

/// So many answers wait to be made anew. Where there are more, the next request asks again.
const WAITING: usize = 64;
/// So many are made anew at once.
const AT_ONCE: usize = 8;
/// So long may one take.
const LONGEST: Duration = Duration::from_secs(60);

type Refresh = BoxFuture<'static, ()>;

/// The cache, and what is made anew beside the requests.
pub(super) struct Answers {
    cache: Cache,
    config: Inject<OutputCacheConfig>,
    clock: Inject<dyn Clock>,
    hits: Counter,
    stale: Counter,
    misses: Counter,
    collapsed: Counter,
    bypassed: Counter,
    refreshes: mpsc::Sender<Refresh>,
    waiting: Mutex<mpsc::Receiver<Refresh>>,
}

impl Answers {
    pub(super) fn new(
        cache: Inject<Cache>,
        config: Inject<OutputCacheConfig>,
        clock: Inject<dyn Clock>,
        metrics: Inject<Metrics>,
    ) -> Self {
        let counter = |result| {
            let help = "Requests, by what the output cache had for them.";
            metrics.counter("output_cache_requests_total", help, &[("result", result)])
        };
        let (refreshes, waiting) = mpsc::channel(WAITING);
        Self {
            cache: cache.within("output"),
            config,
            clock,
            hits: counter("hit"),
            stale: counter("stale"),
            misses: counter("miss"),
            collapsed: counter("collapsed"),
            bypassed: counter("bypass"),
            refreshes,
            waiting: Mutex::new(waiting),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.config.enabled
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn count(&self, status: Status) {
        match status {
            Status::Hit(ttl) if ttl > 0 => &self.hits,
            Status::Hit(_) => &self.stale,
            Status::Stored | Status::NotStored(_) => &self.misses,
            Status::Collapsed => &self.collapsed,
            Status::Bypass(_) => &self.bypassed,
        }
        .inc();
    }

    /// Makes an answer anew, beside the requests; where too many wait, not this time.
    pub(super) fn refresh(&self, refresh: Refresh) {
        // What is dropped is the turn of the next request.
        let _ = self.refreshes.try_send(refresh);
    }
}

/// The service that makes answers anew.
pub(super) async fn refresh(running: Running, answers: Inject<Answers>) -> Result<()> {
    let mut waiting = answers.waiting.lock().await;
    let mut tasks = JoinSet::new();
    running.ready();
    loop {
        tokio::select! {
            () = running.shutdown().requested() => break,
            Some(refresh) = waiting.recv(), if tasks.len() < AT_ONCE => {
                tasks.spawn(tokio::time::timeout(LONGEST, refresh));
            }
            // One that panics, or takes too long, is made by somebody else.
            Some(_) = tasks.join_next() => {}
        }
    }
    // Those that wait hold what they wait in.
    waiting.close();
    while waiting.try_recv().is_ok() {}
    Ok(())
}
