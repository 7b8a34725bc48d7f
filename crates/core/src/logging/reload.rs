//! Levels that change while the application runs: edit the configuration, then `kill -HUP`.

use crate::config::{Loader, Sources};
use crate::container::Inject;
use crate::service::{Running, Service};
use crate::{Profile, Result};

use super::{LogConfig, Logging};

/// Reads the section `log` again at every SIGHUP. Outside of production the signal keeps its usual meaning: the terminal
/// is gone, and so is the program.
pub(crate) fn service() -> Service {
    Service::new("log levels", run)
}

async fn run(
    running: Running,
    sources: Inject<Sources>,
    profile: Inject<Profile>,
    logging: Inject<Logging>,
) -> Result<()> {
    #[cfg(unix)]
    if profile.is_production() {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hang_up = signal(SignalKind::hangup())?;
        running.ready();
        loop {
            tokio::select! {
                () = running.shutdown().requested() => return Ok(()),
                _ = hang_up.recv() => reload(&sources, &profile, &logging),
            }
        }
    }
    running.ready();
    running.shutdown().requested().await;
    Ok(())
}

/// Sets the levels that the configuration says now. A faulty one changes nothing, and is logged.
pub(super) fn reload(sources: &Sources, profile: &Profile, logging: &Logging) {
    // Only this section is read, so the findings speak of the others as unknown; what matters is whether it was filled.
    let config = Loader::new(profile.clone(), sources.clone()).section::<LogConfig>().read();
    match config.section::<LogConfig>() {
        Ok(log) => {
            logging.levels().set(log.level, &log.levels);
            tracing::info!(level = ?log.level, "log levels read again");
        }
        Err(error) => {
            let findings: Vec<_> = config
                .findings()
                .iter()
                .filter(|finding| finding.id != "config.E003")
                .map(ToString::to_string)
                .collect();
            tracing::error!(error = %error.report(), findings = findings.join("; "), "log levels stay as they are");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;

    use super::*;
    use crate::logging::{Levels, LogLevel};

    fn logging() -> Logging {
        Logging { levels: Levels::new(LogLevel::Info, &std::collections::BTreeMap::new()) }
    }

    #[test]
    fn sets_what_the_file_says_now() {
        let logging = logging();
        let text = "[log]\nlevel = 'warn'\nlevels = { shop = 'trace' }\n[other]\nkey = 1";
        let sources = Sources::isolated().file("config/default.toml", text);
        reload(&sources, &Profile::Production, &logging);
        assert_eq!(logging.levels().of("anything"), LevelFilter::WARN);
        assert_eq!(logging.levels().of("shop::cart"), LevelFilter::TRACE);
    }

    #[test]
    fn keeps_the_levels_when_the_file_is_wrong() {
        let logging = logging();
        let sources = Sources::isolated().file("config/default.toml", "[log]\nlevel = 'loud'");
        reload(&sources, &Profile::Production, &logging);
        assert_eq!(logging.levels().of("anything"), LevelFilter::INFO);
    }
}
