//! A database for several applications of one test.

use std::io::Write as _;

use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::{Db, Models, schema};
use mainstay_test::Setup;

/// A database with the tables of the tests' application.
pub(crate) struct Shared {
    url: String,
}

impl Shared {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The application on this database.
    pub(crate) fn setup(&self) -> Setup {
        crate::setup().set("database.url", &self.url)
    }
}

/// Runs a test with such a database on each engine whose server is there.
pub(crate) async fn on_each_shared(test: impl AsyncFn(Shared)) {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MySql] {
        let server = match engine.server() {
            Ok(server) => server,
            Err(missing) => {
                // `on_each_engine` has said it aloud, and fails under CI.
                assert!(std::env::var_os("CI").is_none(), "{}", missing.message());
                let _closed =
                    writeln!(std::io::stderr(), "NOT RUN on {}: {}", engine.name(), missing.message());
                continue;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(&server).await.unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.path().join("jobs.db").display()),
            _ => scratch.url().to_owned(),
        };
        let app = crate::setup().start().await;
        let models = Models::of_application(&app.assembly().contributions);
        app.stop().await;
        let db = Db::open(&url).await.unwrap();
        schema::create_tables(&models, &db).await.unwrap();
        db.close().await;
        test(Shared { url }).await;
        scratch.remove().await.unwrap();
    }
}
