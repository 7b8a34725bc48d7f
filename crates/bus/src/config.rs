//! The section `bus`.

use std::time::Duration;

use mainstay_core::config::{Problems, Section, duration};
use serde::{Deserialize, Serialize};

/// `[bus]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct BusConfig {
    /// Whether this process delivers events. Where several do, they share the work.
    pub relay: bool,
    /// How many deliveries are under way at once in this process.
    pub concurrency: usize,
    /// How often one looks for what nobody has signalled: what has to be tried again, and what other processes have left.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// How long an event stays to which nobody subscribes yet: the process that does may be about to be deployed.
    #[serde(with = "duration")]
    pub keep_unheard: Duration,
    /// How long a delivery is kept that is dead. Unless it is set, until somebody has it tried again.
    #[serde(with = "duration::option")]
    pub keep_dead: Option<Duration>,
    /// How long the inbox remembers a message. Who sends it again later is not known any more.
    #[serde(with = "duration")]
    pub keep_inbox: Duration,
}

impl Default for BusConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            relay: true,
            concurrency: 32,
            poll: Duration::from_secs(1),
            keep_unheard: DAY * 7,
            keep_dead: None,
            keep_inbox: DAY * 30,
        }
    }
}

impl Section for BusConfig {
    const NAME: &'static str = "bus";

    fn validate(&self, problems: &mut Problems) {
        if self.concurrency == 0 {
            problems.add(
                "concurrency",
                "must not be 0: nothing would ever be delivered",
                Some("set `relay = false` where nothing is to be delivered"),
            );
        }
        if self.poll < Duration::from_millis(10) || self.poll > Duration::from_secs(60) {
            problems.add("poll", "must be between 10ms and 60s", None);
        }
        if self.keep_inbox < Duration::from_secs(60) {
            problems.add(
                "keep_inbox",
                "must be at least a minute: what comes twice would be taken twice",
                None,
            );
        }
    }
}
