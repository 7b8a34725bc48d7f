//! The built-in module `resumable-uploads`.
//!
//! | id | what |
//! |---|---|
//! | `http.E011` | the folder of resumable uploads is no folder |
//! | `http.E012` | a route of resumable uploads takes files that are larger than all that may be unfinished |

use std::time::Duration;

use mainstay_core::check::Check;
use mainstay_core::service::{Running, Service};
use mainstay_core::{Assembly, CoreContributions, Finding, Findings, Inject, Module, Provider, Result};

use super::config::ResumableUploadsConfig;
use super::store::Uploads;
use crate::Routes;
use crate::extract::size;

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
    let mut sweeps = running.every(SWEEP.min(uploads.config().expires_in(0)));
    running.ready();
    while sweeps.next().await {
        // A disk that is away for a while is no reason to end.
        if let Err(error) = uploads.sweep().await {
            tracing::warn!(target: "mainstay::http", error = %error.report(), "expired uploads could not be removed");
        }
    }
    Ok(())
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<ResumableUploadsConfig>() else { return };
    let folder = config.folder_in(assembly.config.home());
    if folder.exists() && !folder.is_dir() {
        let message = format!("the folder of resumable uploads is no folder: {}", folder.display());
        let fix = "name a folder that there is, or that can be made";
        findings.add(Finding::error("http.E011", message).at("resumable_uploads.folder").fix(fix));
    }
    let room = config.most_of_one();
    for route in assembly.contributions.of::<Routes>().flat_map(|routes| routes.value.each_route()) {
        let most = route.settings.hands_over.and_then(|of| of.most_bytes);
        if let Some(most) = most.filter(|most| *most > room) {
            let (path, source) = (&route.operation.path, route.operation.source);
            let message = format!(
                "`{path}` takes files of {}, and there is room for {} of unfinished ones",
                size(most),
                size(room)
            );
            let fix = "Raise `resumable_uploads.most_unfinished_bytes` and `most_unfinished_bytes_each`, or lower its `body_limit`.";
            let at = format!("{}:{}", source.file, source.line);
            findings.add(Finding::error("http.E012", message).at(at).fix(fix));
        }
    }
}
