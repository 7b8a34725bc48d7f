//! Resources over REST, on every engine.

mod listing;
mod policies;
mod shop;
mod writing;

use std::io::Write;

use mainstay_test::{Engine, Setup, TestApp};

/// The application on every engine whose server is there. What is not there is said, and fails under continuous integration.
async fn on_every_engine(test: impl AsyncFn(&TestApp)) {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql] {
        if let Err(missing) = engine.server() {
            let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
            assert!(!ci, "{}", missing.message());
            // Not `eprintln!`: that is kept back when a test passes.
            let _closed = writeln!(std::io::stderr(), "NOT RUN on {}: {}", engine.name(), missing.message());
            continue;
        }
        let app = start(TestApp::of(shop::app()).database(engine)).await;
        test(&app).await;
        app.stop().await;
    }
}

async fn start(setup: Setup) -> TestApp {
    let app = setup.start().await;
    shop::fill(&*app.inject::<mainstay_db::Db>().await).await;
    app
}
