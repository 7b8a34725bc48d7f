//! The same test on every engine.

use std::io::Write;

use mainstay_db::scratch::Engine;

use crate::app::TestApp;
use crate::setup::Setup;

/// Runs a test with the application on each engine: SQLite, PostgreSQL and MySQL. One whose server is not there is said aloud; under
/// continuous integration (`CI` is set) it fails.
///
/// # Panics
/// When the test does, and as [`Setup::start`].
pub async fn on_each_engine(setup: impl Fn() -> Setup, test: impl AsyncFn(&TestApp)) {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql] {
        if let Err(missing) = engine.server() {
            let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
            assert!(!ci, "{}", missing.message());
            // Not `eprintln!`: that is kept back when a test passes.
            let _closed = writeln!(std::io::stderr(), "NOT RUN on {}: {}", engine.name(), missing.message());
            continue;
        }
        let app = setup().database(engine).start().await;
        test(&app).await;
        app.stop().await;
    }
}
