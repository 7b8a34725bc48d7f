//! Replicas as a part of an application: whether something reads from them, and whether they are what they are said to be.

use std::sync::Arc;

use mainstay_core::assembly::Assembly;
use mainstay_core::{Contribution, Finding, Findings, Module};

use super::config::DatabaseConfig;

/// A contribution that says: something in the application gives its work a [`Scope`](crate::replicas::Scope), so that replicas
/// are asked. What puts one around requests contributes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadsFromReplicas;

impl Contribution for ReadsFromReplicas {
    fn installs() -> Option<Module> {
        Some(super::module())
    }
}

/// `db.W030`: replicas that nobody reads from.
pub(super) fn check(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<DatabaseConfig>() else { return };
    if config.replicas.is_empty() || assembly.contributions.of::<ReadsFromReplicas>().next().is_some() {
        return;
    }
    findings.add(
        Finding::warning("db.W030", "no request reads from the replicas")
            .at("database.replicas")
            .fix("add `.read_replicas()` to the application; if only jobs read from them, `.contribute(ReadsFromReplicas)`"),
    );
}

/// `check --deploy`, `db.E030`: whether each replica can be asked, and is one.
///
/// It does not keep the application from starting: a replica that has become the primary in the meantime must not take the
/// application down with the old one. It is not asked then.
pub(super) async fn before_deployment(assembly: Arc<Assembly>) -> Findings {
    let mut findings = Findings::default();
    let Ok(config) = assembly.config.section::<DatabaseConfig>() else { return findings };
    if config.replicas.is_empty() {
        return findings;
    }
    // That the primary cannot be reached is not told here.
    let Ok(driver) = config.open(assembly.config.home()).await else { return findings };
    if let Some(replicas) = driver.replicas() {
        for fault in replicas.inspect().await {
            findings.add(
                Finding::error("db.E030", fault)
                    .at("database.replicas")
                    .fix("let each replica follow the server at `database.url`, or leave it out"),
            );
        }
    }
    driver.close().await;
    findings
}
