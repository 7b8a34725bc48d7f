//! Every engine whose server is there.

use std::io::Write;

use mainstay_test::{Engine, Setup, TestApp};

/// Runs a test with the application on each engine. One that is not there is said, and fails under continuous integration.
pub(crate) async fn each(setup: impl Fn() -> Setup, test: impl AsyncFn(&TestApp)) {
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
