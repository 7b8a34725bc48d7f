//! What is shown of replicas.

use std::sync::Weak;

use mainstay_core::metrics::{Metrics, Scrape};

use super::set::Set;

/// Shows each replica, for as long as there are any.
pub(super) fn watch(metrics: &Metrics, set: Weak<Set>) {
    metrics.collect(move |scrape: &mut Scrape| {
        let Some(set) = set.upgrade() else { return };
        for replica in set.replicas() {
            let name = ("replica", &*replica.name);
            let help = "Whether a replica can be reached and is in order.";
            scrape.gauge("db_replica_up", help, &[name], f64::from(u8::from(replica.is_up())));
            if let Some(lag) = replica.lag() {
                let help = "By how long, at most, a replica is behind its primary.";
                scrape.gauge("db_replica_lag_seconds", help, &[name], lag.as_secs_f64());
            }
            let help = "Statements and transactions that were sent to a replica.";
            scrape.counter("db_replica_reads_total", help, &[name], replica.reads() as f64);
            let Some(driver) = replica.driver() else { continue };
            let status = driver.status();
            let mut connections = |state, value: usize| {
                let help = "Connections to a replica that are open.";
                scrape.gauge("db_replica_connections", help, &[name, ("state", state)], value as f64);
            };
            connections("idle", status.idle);
            connections("busy", status.open.saturating_sub(status.idle));
        }
    });
}
