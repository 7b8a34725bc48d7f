//! The database of an application under test.

use std::sync::Arc;

use mainstay_core::Assembly;
use mainstay_db::scratch::{Engine, Scratch};
use mainstay_db::{DatabaseConfig, Db};

/// Names the engine for tests that do not name one.
const VARIABLE: &str = "MAINSTAY_TEST_DATABASE";

/// A database that goes with the application.
pub(crate) struct Database(Scratch);

impl Database {
    /// Takes an address for one. Nothing is made yet: the application may have no database, or another.
    pub(crate) fn reserve(engine: Option<Engine>) -> Result<Self, String> {
        let engine = match engine {
            Some(engine) => engine,
            None => named(std::env::var(VARIABLE).ok().as_deref())?,
        };
        let server = engine.server().map_err(|error| error.message().to_owned())?;
        Ok(Self(Scratch::reserve(&server)))
    }

    /// The address.
    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// Makes it, if this is the database that the application will open.
    pub(crate) async fn make_for(&mut self, app: &Assembly) -> Result<(), String> {
        let opens = |config: Arc<DatabaseConfig>| config.url == self.url();
        if !app.resolver().knows::<Db>() || !app.config.section().is_ok_and(opens) {
            return Ok(());
        }
        self.0.make_for(&app.contributions).await.map_err(|error| error.report())
    }

    /// Removes it. The application must have closed it.
    pub(crate) async fn remove(self) -> Result<(), String> {
        self.0.remove().await.map_err(|error| error.report())
    }
}

fn named(name: Option<&str>) -> Result<Engine, String> {
    let Some(name) = name else { return Ok(Engine::Sqlite) };
    let known = || Engine::ALL.map(Engine::name).join(", ");
    Engine::of_name(name).ok_or_else(|| format!("{VARIABLE} is `{name}`; it can be: {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_sqlite_unless_one_is_named() {
        assert_eq!(named(None), Ok(Engine::Sqlite));
        assert_eq!(named(Some("mariadb")), Ok(Engine::MySql));
        let refused = named(Some("oracle")).unwrap_err();
        assert_eq!(refused, "MAINSTAY_TEST_DATABASE is `oracle`; it can be: sqlite, postgres, mysql");
    }
}
