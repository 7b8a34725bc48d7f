//! Resources over REST, on every engine.

mod actions;
mod addresses;
mod bulk;
mod listing;
mod parts;
mod policies;
mod searching;
mod shop;
mod writing;

use std::io::Write;

use mainstay_core::App;
use mainstay_test::{Engine, TestApp};

/// The shop on every engine.
async fn on_every_engine(test: impl AsyncFn(&TestApp)) {
    on_every_engine_of(shop::app, async |app: &TestApp| {
        shop::fill(&*app.inject::<mainstay_db::Db>().await).await;
        test(app).await;
    })
    .await;
}

/// The application on every engine whose server is there. What is not there is said, and fails under continuous integration.
async fn on_every_engine_of(app: impl Fn() -> App, test: impl AsyncFn(&TestApp)) {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql] {
        if let Err(missing) = engine.server() {
            let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
            assert!(!ci, "{}", missing.message());
            // Not `eprintln!`: that is kept back when a test passes.
            let _closed = writeln!(std::io::stderr(), "NOT RUN on {}: {}", engine.name(), missing.message());
            continue;
        }
        let app = TestApp::of(app()).database(engine).start().await;
        test(&app).await;
        app.stop().await;
    }
}
