//! Where lines go.

use std::io::Write;

/// Takes whole lines.
pub(super) trait Sink: Send + Sync + 'static {
    /// Writes a line, in one piece. A line that cannot be written is lost: there is nobody to tell.
    fn write(&self, line: &str);
}

/// Standard error: one write a line, under its lock, so that lines never mix.
pub(super) struct Stderr;

impl Sink for Stderr {
    fn write(&self, line: &str) {
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Standard error by the macro, which the test harness captures and shows with the test that failed.
pub(super) struct Captured;

impl Sink for Captured {
    #[expect(clippy::print_stderr, reason = "only what the macro prints is captured")]
    fn write(&self, line: &str) {
        eprint!("{line}");
    }
}
