//! Findings: what is wrong with a set-up, with a stable id, its place and the fix.
//!
//! A [`Check`] never stops at the first fault. It adds each to [`Findings`], and all are reported together: by the
//! command `check`, and before the first request, since an application with an error does not start.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::assembly::Assembly;
use crate::contribution::Contribution;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look; the application starts.
    Warning,
    /// The application does not start.
    Error,
}

/// One thing that is wrong with the set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable id: the crate's name, a dot, `E` or `W`, and a number (`http.E001`).
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where: a file and line, a configuration key, a module.
    pub place: Option<String>,
    /// How to mend it.
    pub fix: Option<String>,
}

impl Finding {
    /// A finding that keeps the application from starting.
    pub fn error(id: &'static str, message: impl Into<String>) -> Self {
        Self { id, severity: Severity::Error, message: message.into(), place: None, fix: None }
    }

    /// A finding that is worth a look.
    pub fn warning(id: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, message) }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.id, self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\n    at  {place}")?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "\n    fix {fix}")?;
        }
        Ok(())
    }
}

/// What checks have found so far.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds all of another's.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Finding>) {
        self.0.extend(others);
    }

    /// Every finding, in the order found.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// Whether one of them keeps the application from starting.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of each kind, in words: `2 errors, 1 warning`.
    pub fn summary(&self) -> String {
        let count = |severity| self.0.iter().filter(|finding| finding.severity == severity).count();
        let words = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
        let words = words.iter().filter(|(count, _)| *count > 0);
        let words =
            words.map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }));
        words.collect::<Vec<_>>().join(", ")
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

/// When a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At every start, and with `check`.
    Start,
    /// Only with `check --deploy`: what is fine on a developer's machine and not where real users are.
    Deploy,
}

/// A look at what the application meets where it is deployed: its database, for one. It runs with `check --deploy`, and
/// unlike a [`Check`] it may wait, for up to 30 seconds.
#[derive(Clone)]
pub struct Inspection(Arc<Look>);

type Look = dyn Fn(Arc<Assembly>) -> BoxFuture<'static, Findings> + Send + Sync;

impl Inspection {
    /// An inspection.
    pub fn new<F>(look: impl Fn(Arc<Assembly>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Findings> + Send + 'static,
    {
        Self(Arc::new(move |assembly| look(assembly).boxed()))
    }

    /// Looks, within the time that it has.
    pub async fn look(&self, assembly: Arc<Assembly>) -> Findings {
        const LIMIT: Duration = Duration::from_secs(30);
        tokio::time::timeout(LIMIT, (self.0)(assembly)).await.unwrap_or_else(|_| {
            let mut findings = Findings::default();
            findings.add(Finding::error(
                "core.E009",
                format!("an inspection had no answer after {} seconds", LIMIT.as_secs()),
            ));
            findings
        })
    }
}

impl Contribution for Inspection {}

type Run = dyn Fn(&Assembly, &mut Findings) + Send + Sync;

/// A function that looks at the assembled application and says what is wrong with it. It does no I/O.
///
/// ```
/// use mainstay_core::check::Check;
/// use mainstay_core::{App, CoreContributions, Finding};
///
/// let app = App::new().check(Check::at_start(|assembly, findings| {
///     if assembly.info.name == "app" {
///         findings.add(Finding::warning("house.W001", "the application has no name of its own"));
///     }
/// }));
/// ```
#[derive(Clone)]
pub struct Check {
    phase: Phase,
    run: Arc<Run>,
}

impl Check {
    /// A check that runs at every start, whatever else is wrong: a section of the configuration may be unreadable, and
    /// then [`Config::section`](crate::config::Config::section) fails.
    pub fn at_start(run: impl Fn(&Assembly, &mut Findings) + Send + Sync + 'static) -> Self {
        Self { phase: Phase::Start, run: Arc::new(run) }
    }

    /// A check that runs with `check --deploy`.
    pub fn at_deploy(run: impl Fn(&Assembly, &mut Findings) + Send + Sync + 'static) -> Self {
        Self { phase: Phase::Deploy, run: Arc::new(run) }
    }

    /// When it runs.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Runs it.
    pub fn run(&self, assembly: &Assembly, findings: &mut Findings) {
        (self.run)(assembly, findings);
    }
}

impl Contribution for Check {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::{App, Profile};

    fn before_deploying(app: App) -> Vec<(&'static str, Option<String>)> {
        let findings = app.assemble(Sources::isolated()).run_checks(Phase::Deploy);
        findings
            .into_iter()
            .map(|finding| (finding.id, finding.place.filter(|_| finding.fix.is_some())))
            .collect()
    }

    #[test]
    fn a_profile_and_a_log_that_show_too_much_are_seen_before_deploying() {
        let app = || App::new().profile(Profile::Production);
        assert_eq!(before_deploying(app()), []);
        for level in ["debug", "trace"] {
            let found = before_deploying(app().set("log.level", level));
            assert_eq!(found, [("log.W001", Some("log.level".to_owned()))]);
        }
        let found = before_deploying(app().set("log.levels.hyper", "trace"));
        assert_eq!(found, [("log.W001", Some("log.levels.hyper".to_owned()))]);
        for profile in [Profile::Development, Profile::Test] {
            assert_eq!(before_deploying(App::new().profile(profile)), [("core.W001", None)]);
        }
    }
}
