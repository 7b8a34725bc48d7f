//! The built-in module `resumable-uploads`.
//!
//! | id | what |
//! |---|---|
//! | `http.E011` | the folder of resumable uploads is no folder |

use std::time::Duration;

use mainstay_core::check::Check;
use mainstay_core::service::{Running, Service};
use mainstay_core::{Assembly, CoreContributions, Finding, Findings, Inject, Module, Provider, Result};
use tokio::time::{Instant, MissedTickBehavior};

use super::config::ResumableUploadsConfig;
use super::store::Uploads;

/// How often it is looked for what has expired.
const SWEEP: Duration = Duration::from_secs(60);

/// The module: the section `resumable_uploads`, the folder, and the service that empties it. It is brought by the routes.
pub(super) fn module() -> Module {
    Module::new("resumable-uploads")
        .global()
        .config::<ResumableUploadsConfig>()
        .provide(Provider::asynchronous(Uploads::start))
        .export::<Uploads>()
        .check(Check::at_start(check))
        .service(Service::new("resumable-uploads", sweep))
}

async fn sweep(running: Running, uploads: Inject<Uploads>) -> Result<()> {
    let uploads = uploads.into_arc();
    let every = SWEEP.min(uploads.config().expire_after);
    let mut sweeps = tokio::time::interval_at(Instant::now() + every, every);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    running.ready();
    loop {
        tokio::select! {
            () = running.shutdown().requested() => return Ok(()),
            _ = sweeps.tick() => {
                // A disk that is away for a while is no reason to end.
                if let Err(error) = uploads.sweep().await {
                    tracing::warn!(target: "mainstay::http", error = %error.report(), "expired uploads could not be removed");
                }
            }
        }
    }
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<ResumableUploadsConfig>() else { return };
    let folder = config.folder_in(assembly.config.home());
    if folder.exists() && !folder.is_dir() {
        let message = format!("the folder of resumable uploads is no folder: {}", folder.display());
        let fix = "name a folder that there is, or that can be made";
        findings.add(Finding::error("http.E011", message).at("resumable_uploads.folder").fix(fix));
    }
}
