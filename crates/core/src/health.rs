//! Is it alive, has it started, may it be sent work? What `/livez` and `/readyz` ask.
//!
//! A [`Probe`] is a named check of one of three [kinds](ProbeKind). [`Health`] runs the probes of a kind at the same
//! time, and reports. Probes cannot hurt the application that they watch: each has a time-out, a panic counts as
//! "down", runs of one probe never overlap, and an answer is kept for a moment, so that asking often costs nothing.
//!
//! Beside the probes stands [`Readiness`]: what the life cycle itself knows.

mod binding;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use serde::{Serialize, Serializer};

pub use self::binding::ProbeBinding;
use self::watch::Watch;
use crate::container::{Inject, Resolver};
use crate::contribution::Contributions;
use crate::error::{Error, Result};
use crate::service::Overview;

/// The question that a probe helps to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// Is the process healthy, or should it be restarted? What it depends on does not belong here: restarting this
    /// process does not mend a database.
    Liveness,
    /// May it be sent requests now?
    Readiness,
    /// Has it finished starting?
    Startup,
}

/// A named check.
///
/// ```
/// use mainstay_core::health::{Health, Probe, ProbeKind, Readiness, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let disk = Probe::new("disk", ProbeKind::Readiness, || async {
///     std::fs::metadata(".")?;
///     Ok(())
/// });
/// let readiness = Readiness::default();
/// let health = Health::new([disk], readiness.clone());
/// assert_eq!(health.report(ProbeKind::Readiness).await.status, Status::Down);
/// readiness.ready();
/// assert_eq!(health.report(ProbeKind::Readiness).await.status, Status::Up);
/// # }
/// ```
#[derive(Clone)]
pub struct Probe {
    name: String,
    kind: ProbeKind,
    timeout: Duration,
    kept_for: Duration,
    check: Check,
}

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

impl Probe {
    /// A probe that is up when `check` returns `Ok`.
    pub fn new<F, Fut>(name: impl Into<String>, kind: ProbeKind, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name: name.into(),
            kind,
            timeout: Duration::from_secs(2),
            kept_for: Duration::from_secs(1),
            check: Arc::new(move || Box::pin(check())),
        }
    }

    /// The readiness of supervised services: down while one that should run does not.
    pub(crate) fn services(overview: Arc<Overview>) -> Self {
        Self::new("services", ProbeKind::Readiness, move || {
            let missing = overview.status().map(|status| status.missing()).unwrap_or_default();
            async move {
                if missing.is_empty() {
                    Ok(())
                } else {
                    Err(Error::unavailable(format!("not running: {}", missing.join(", "))))
                }
            }
        })
    }

    /// How long it may take before it counts as down: 2 s unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// How long an answer is good for: 1 s unless said otherwise.
    #[must_use]
    pub fn kept_for(mut self, time: Duration) -> Self {
        self.kept_for = time;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The question it belongs to.
    pub fn kind(&self) -> ProbeKind {
        self.kind
    }
}

/// How far the application is: starting, ready or draining. Clones share it; the life cycle sets it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// Everything has started. Without effect once it drains.
    pub fn ready(&self) {
        // A start that completes while the application is being stopped must not call it ready again.
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// It stops: new work should go elsewhere.
    pub fn drain(&self) {
        self.0.store(DRAINING, Ordering::Release);
    }

    /// Whether everything has started and nothing stops yet.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire) == READY
    }

    /// Whether it stops.
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Acquire) == DRAINING
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Up,
    /// No.
    Down,
    /// Not any more: it is stopping, as it should.
    Draining,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Draining => "draining",
        })
    }
}

/// The answer, and what it is made of.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Up if every part is.
    pub status: Status,
    /// One for each probe, in the order of contribution.
    pub parts: Vec<Part>,
}

/// What one probe says.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Up or down.
    pub status: Status,
    /// Why it is down, as the log has it: private, not for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How long it took; serialized as milliseconds.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_micros() as f64 / 1e3)
}

/// All probes. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    watches: Arc<[Arc<Watch>]>,
    readiness: Readiness,
}

impl Health {
    /// The health of an application: the probes that its modules contribute, and its services.
    pub(crate) fn of_application(
        contributions: Inject<Contributions>,
        resolver: Resolver,
        overview: Inject<Overview>,
        readiness: Inject<Readiness>,
    ) -> Self {
        let probes = contributions
            .of::<ProbeBinding>()
            .map(|probe| probe.value.probe(resolver.of_module(probe.module.id)))
            .chain([Probe::services(overview.into_arc())]);
        Self::new(probes, Readiness::clone(&readiness))
    }

    /// The health of an application with these probes.
    pub fn new(probes: impl IntoIterator<Item = Probe>, readiness: Readiness) -> Self {
        Self { watches: probes.into_iter().map(|probe| Arc::new(Watch::new(probe))).collect(), readiness }
    }

    /// How far the life cycle is.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Asks every probe of this kind, at the same time. Takes no longer than the longest time-out among them.
    ///
    /// A drain is an answer of its own to [`ProbeKind::Readiness`], for which no probe is asked.
    pub async fn report(&self, kind: ProbeKind) -> Report {
        if kind == ProbeKind::Readiness && self.readiness.is_draining() {
            return Report { status: Status::Draining, parts: Vec::new() };
        }
        let asked = self.watches.iter().filter(|watch| watch.probe.kind == kind);
        let mut parts = join_all(asked.map(Watch::ask)).await;
        let started = self.readiness.is_ready() || self.readiness.is_draining();
        if kind != ProbeKind::Liveness && !started {
            parts.insert(0, Part::down("application", "it is still starting", Duration::ZERO));
        }
        let up = parts.iter().all(|part| part.status == Status::Up);
        Report { status: if up { Status::Up } else { Status::Down }, parts }
    }
}

impl Part {
    fn up(name: &str, took: Duration) -> Self {
        Self { name: name.to_owned(), status: Status::Up, detail: None, took }
    }

    fn down(name: &str, why: impl Into<String>, took: Duration) -> Self {
        Self { name: name.to_owned(), status: Status::Down, detail: Some(why.into()), took }
    }
}

#[cfg(test)]
mod tests;
