//! What a step of `cargo xtask test` reports, and the summary at the end.

use std::time::Duration;

/// The result of everything that can fail here; the message is for the person at the terminal.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What came out of one step.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How many tests or checks passed.
    pub(crate) passed: u64,
    /// One line for each that failed.
    pub(crate) failures: Vec<String>,
    /// What could not run, and why. A failure under continuous integration.
    pub(crate) skipped: Vec<String>,
    /// What a reader should know although nothing failed.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    /// A step that is one check: passed, unless there are failures.
    pub(crate) fn check(failures: Vec<String>) -> Self {
        Self { passed: u64::from(failures.is_empty()), failures, ..Self::default() }
    }

    pub(crate) fn failed(line: impl Into<String>) -> Self {
        Self::check(vec![line.into()])
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
        self.skipped.extend(other.skipped);
        self.notes.extend(other.notes);
    }

    /// Turns what could not run into failures: nothing skips silently where it counts.
    pub(crate) fn forbid_skips(mut self) -> Self {
        let skipped = std::mem::take(&mut self.skipped);
        self.failures.extend(skipped.into_iter().map(|why| format!("could not run: {why}")));
        self
    }

    fn mark(&self) -> &'static str {
        if !self.failures.is_empty() {
            "FAILED"
        } else if !self.skipped.is_empty() {
            "skipped"
        } else {
            "ok"
        }
    }
}

/// The outcome of a named step, with the time that it took.
pub(crate) struct Finished {
    pub(crate) name: &'static str,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

/// The list of steps, then what failed or could not run, then the counts alone on the last line.
pub(crate) fn summary(steps: &[Finished]) -> String {
    let mut text = String::from("\n");
    for step in steps {
        let Outcome { passed, failures, .. } = &step.outcome;
        let counts = match failures.len() {
            0 => format!("{passed} passed"),
            failed => format!("{passed} passed, {failed} failed"),
        };
        text +=
            &format!("{:<14} {:<8} {:>8}  {counts}\n", step.name, step.outcome.mark(), seconds(step.took));
    }
    for step in steps {
        let lines = |label: &str, lines: &[String]| {
            lines.iter().map(|line| format!("{label} {}: {line}\n", step.name)).collect::<String>()
        };
        text += &lines("note   ", &step.outcome.notes);
        text += &lines("skipped", &step.outcome.skipped);
        text += &lines("FAILED ", &step.outcome.failures);
    }
    let passed: u64 = steps.iter().map(|step| step.outcome.passed).sum();
    let failed: usize = steps.iter().map(|step| step.outcome.failures.len()).sum();
    text += &format!("\n{passed} passed, {failed} failed\n");
    text
}

/// `1.4 s` or `2 min 03 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        whole @ 60.. => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_the_counts_alone_on_a_line() {
        let tests = Outcome { passed: 7, failures: vec!["core: a::b".into()], ..Outcome::default() };
        let steps = [
            Finished { name: "fmt", took: Duration::from_millis(1_400), outcome: Outcome::check(vec![]) },
            Finished { name: "tests", took: Duration::from_secs(123), outcome: tests },
        ];
        let summary = summary(&steps);
        assert!(summary.ends_with("\n8 passed, 1 failed\n"), "{summary}");
        assert!(summary.contains("FAILED  tests: core: a::b\n"), "{summary}");
        assert!(summary.contains("2 min 03 s"), "{summary}");
    }

    #[test]
    fn what_could_not_run_fails_where_it_counts() {
        let skipped = Outcome { skipped: vec!["browser: no chromium".into()], ..Outcome::default() };
        assert_eq!(skipped.mark(), "skipped");
        assert_eq!(skipped.forbid_skips().failures, ["could not run: browser: no chromium"]);
    }
}
