//! A database for several applications of one test.

use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::{Db, Models, schema};
use mainstay_test::Setup;
use tempfile::TempDir;

/// A database with the tables of the tests' application. It is gone when this is dropped.
pub(crate) struct Shared {
    url: String,
    _scratch: Scratch,
    _folder: TempDir,
}

impl Shared {
    /// One on this server.
    pub(crate) async fn on(server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(server).await.unwrap();
        let url = match server.starts_with("sqlite:") {
            true => format!("sqlite:{}", folder.path().join("jobs.db").display()),
            false => scratch.url().to_owned(),
        };
        let app = crate::setup().start().await;
        let models = Models::of_application(&app.assembly().contributions);
        app.stop().await;
        let db = Db::open(&url).await.unwrap();
        schema::create_tables(&models, &db).await.unwrap();
        db.close().await;
        Self { url, _scratch: scratch, _folder: folder }
    }

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
        match engine.server() {
            Ok(server) => test(Shared::on(&server).await).await,
            Err(missing) => servers::not_run(&format!("on {}: {}", engine.name(), missing.message())),
        }
    }
}
