//! The accept loop: from start to drain.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::bind::{Bound, Listener};
use super::config::ListenConfig;
use super::connection::{self, Shared};
use super::metrics::count;
use super::peer::Dispatch;
use super::registry::Registry;

/// At the end, connections are taken from the system's queue until none comes for this long…
const QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// … and no longer than this.
const QUEUE_LIMIT: Duration = Duration::from_millis(200);

/// After the order to abort, connections get this long to notice.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// When accepting fails, it is tried again after this, and twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A failing accept is logged this often.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// How a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that had to be cut off at the deadline.
    pub aborted: usize,
}

impl Bound {
    /// Accepts and serves until `stop` completes, then drains until the deadline that `stop` gives (or for the
    /// configured time).
    ///
    /// In a drain, what waits in the system's queue is still taken, requests that have come are answered, and idle
    /// connections are closed. Dropping the future cuts everything off.
    pub async fn serve<D: Dispatch>(
        self,
        dispatch: Arc<D>,
        stop: impl Future<Output = Option<Instant>> + Send,
    ) -> Drained {
        let shared = Shared::new(dispatch, &self.config);
        #[cfg(feature = "tls")]
        let reloading = self.certificates.as_ref().map(|certificates| {
            let certificates = certificates.clone();
            Background(tokio::spawn(async move { certificates.follow_files().await }))
        });
        #[cfg(feature = "tls")]
        let shared = shared.with_tls(self.certificates.as_ref().map(|certificates| certificates.acceptor()));
        let registry = Registry::new(&self.config, Arc::clone(&self.metrics));
        let _cut = CutOff(Arc::clone(&registry));
        let sweep = Background(tokio::spawn({
            let registry = Arc::clone(&registry);
            async move { registry.sweep().await }
        }));
        let mut intake = Intake {
            listener: self.listener,
            shared: Arc::new(shared),
            places: Arc::new(Semaphore::new(self.config.max_connections.min(Semaphore::MAX_PERMITS))),
            registry,
            trouble: Trouble::default(),
        };
        let deadline = intake.run(pin!(stop)).await;
        #[cfg(feature = "tls")]
        drop(reloading);
        let drained = intake.drain(deadline, &self.config).await;
        drop(sweep);
        drained
    }
}

/// A task that ends with its owner.
struct Background(JoinHandle<()>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Leaves no connection behind when the listener goes.
struct CutOff(Arc<Registry>);

impl Drop for CutOff {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Intake<D> {
    listener: Listener,
    shared: Arc<Shared<D>>,
    places: Arc<Semaphore>,
    registry: Arc<Registry>,
    trouble: Trouble,
}

impl<D: Dispatch> Intake<D> {
    async fn run<S: Future<Output = Option<Instant>>>(&mut self, mut stop: Pin<&mut S>) -> Option<Instant> {
        loop {
            tokio::select! {
                biased;
                deadline = &mut stop => return deadline,
                () = self.take_one() => {}
            }
        }
    }

    /// Waits for a place, then for a connection.
    async fn take_one(&mut self) {
        let Some(place) = self.place().await else { return std::future::pending().await };
        match self.listener.accept().await {
            Ok(accepted) => {
                self.trouble.is_over();
                self.start(accepted, place);
            }
            Err(error) => {
                if let Some(pause) = self.trouble.with(&error) {
                    count(&self.registry.metrics.accept_failures);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            self.registry.set_full(false);
            return Some(place);
        }
        self.registry.set_full(true);
        // Nobody closes the semaphore.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    fn start(&self, accepted: connection::Accepted, place: OwnedSemaphorePermit) {
        let lease = self.registry.add(place);
        // Supervised by the registry: it ends the task by order, and waits for it in a drain. A panic in a handler
        // that gets here ends this one connection.
        tokio::spawn(connection::serve(Arc::clone(&self.shared), accepted, lease));
    }

    async fn drain(self, deadline: Option<Instant>, config: &ListenConfig) -> Drained {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + config.drain_timeout);
        // Their clients are told that they are connected; closing the listener first would reset them.
        let last = Instant::now() + QUEUE_LIMIT;
        while let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            let pause = (Instant::now() + QUEUE_PAUSE).min(last);
            match tokio::time::timeout_at(pause, self.listener.accept()).await {
                Ok(Ok(accepted)) => self.start(accepted, place),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        drop(self.listener);
        self.registry.drain();
        if tokio::time::timeout_at(deadline, self.registry.emptied()).await.is_ok() {
            return Drained { aborted: 0 };
        }
        let aborted = self.registry.abort();
        let _ended_or_stuck = tokio::time::timeout(ABORT_LIMIT, self.registry.emptied()).await;
        if aborted > 0 {
            tracing::warn!(aborted, "the time to drain is over: open connections were cut off");
        }
        Drained { aborted }
    }
}

/// A system that has no connection to give: waits longer and longer, and says so once in a while.
#[derive(Default)]
struct Trouble {
    pause: Option<Duration>,
    logged: Option<Instant>,
}

impl Trouble {
    /// How long to wait after this error, if at all.
    fn with(&mut self, error: &io::Error) -> Option<Duration> {
        // One client gave up while it waited: nothing is wrong here.
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::Interrupted
        ) {
            return None;
        }
        let pause = self.pause.map_or(SHORTEST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some(pause);
        if self.logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            self.logged = Some(Instant::now());
            tracing::error!(
                %error,
                "no connection can be accepted. If there are too many open files, raise `ulimit -n` or lower \
                 `max_connections` under `[http]`"
            );
        }
        Some(pause)
    }

    fn is_over(&mut self) {
        self.pause = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backs_off_when_descriptors_run_out_and_not_when_a_client_gives_up() {
        let mut trouble = Trouble::default();
        let gave_up = io::Error::from(io::ErrorKind::ConnectionAborted);
        assert_eq!(trouble.with(&gave_up), None);
        let no_descriptors = io::Error::from_raw_os_error(24);
        assert_eq!(trouble.with(&no_descriptors), Some(SHORTEST_PAUSE));
        assert_eq!(trouble.with(&no_descriptors), Some(SHORTEST_PAUSE * 2));
        for _ in 0..20 {
            trouble.with(&no_descriptors);
        }
        assert_eq!(trouble.with(&no_descriptors), Some(LONGEST_PAUSE));
        trouble.is_over();
        assert_eq!(trouble.with(&no_descriptors), Some(SHORTEST_PAUSE));
    }
}
