//! What is different in a test.

use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::container::{IntoProvider, Registration};
use mainstay_core::lifecycle::Services;
use mainstay_core::logging::{self, LogConfig};
use mainstay_core::{App, Error, Profile};

#[cfg(feature = "db")]
use mainstay_db::log::Budget;
#[cfg(feature = "db")]
use mainstay_db::scratch::Engine;

use crate::app::TestApp;
#[cfg(feature = "db")]
use crate::database::Database;

/// An application that is about to be tested, and what is different in the test. Made by [`TestApp::of`].
///
/// ```
/// use std::sync::Arc;
/// use mainstay_core::App;
/// use mainstay_core::clock::{Clock, TestClock};
/// use mainstay_test::TestApp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = Arc::new(TestClock::default());
/// let app = TestApp::of(App::new()).set("app.shutdown_deadline", "1s").clock(&clock).start().await;
///
/// assert_eq!(app.inject::<dyn Clock>().await.now(), clock.now());
/// # }
/// ```
///
/// # Configuration
///
/// The profile is `test`. Settings come from `config/default.toml` and `config/test.toml` in the folder of the package
/// under test, and from [`set`](Self::set). Neither `.env` nor the environment is read: a test says the same on every
/// machine.
///
/// # The database
///
/// Unless it is [set](Self::set), `database.url` is a new database, which is gone when the application ends; its tables are
/// made from the models. It is on SQLite, or on the engine that [`database`](Self::database) or, for all tests, the variable
/// `MAINSTAY_TEST_DATABASE` names (`sqlite`, `postgres`, `mysql`). The address of a server comes from `MAINSTAY_POSTGRES_URL`
/// or `MAINSTAY_MYSQL_URL`.
#[must_use = "an application is tested once it has started: `.start().await`"]
pub struct Setup {
    app: App,
    home: PathBuf,
    profile: Profile,
    #[cfg(feature = "db")]
    engine: Option<Engine>,
    #[cfg(feature = "db")]
    budget: Budget,
}

impl Setup {
    pub(crate) fn new(app: App) -> Self {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        Self {
            app,
            home: package.unwrap_or_default(),
            profile: Profile::Test,
            #[cfg(feature = "db")]
            engine: None,
            #[cfg(feature = "db")]
            budget: Budget::default(),
        }
    }

    /// Sets a configuration value (`"http.body_limit"`), above the files.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.app = self.app.set(key, value);
        self
    }

    /// Puts a provider in the place of every other that answers to the same types: a stub for what sends mail, a queue
    /// that keeps all.
    #[track_caller]
    pub fn replace<Marker>(mut self, provider: impl IntoProvider<Marker>) -> Self {
        self.app = self.app.replace(provider);
        self
    }

    /// Goes by this clock, which stands still until the test moves it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use mainstay_core::App;
    /// use mainstay_core::clock::{Clock, TestClock};
    /// use mainstay_test::TestApp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = Arc::new(TestClock::default());
    /// let app = TestApp::of(App::new()).clock(&clock).start().await;
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(app.inject::<dyn Clock>().await.now(), clock.now());
    /// # }
    /// ```
    #[track_caller]
    pub fn clock(self, clock: &Arc<TestClock>) -> Self {
        self.replace(Registration::of_value(Arc::clone(clock) as Arc<dyn Clock>))
    }

    /// The folder in which `config/` lies, and from which relative paths in the configuration start. By default that of
    /// the package whose tests run.
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = folder.into();
        self
    }

    /// Another profile, to see what it does in production, say.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The engine on which the test's database is, whatever `MAINSTAY_TEST_DATABASE` says: for a test of what one engine does
    /// differently.
    #[cfg(feature = "db")]
    pub fn database(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// How often the same line may run the same reading statement in one request, before the request fails the test: 10
    /// times unless it is said, since a query in a loop looks so. 0 is as often as it likes.
    #[cfg(feature = "db")]
    pub fn repeats(mut self, most: usize) -> Self {
        self.budget.repeats = (most > 0).then_some(most);
        self
    }

    /// How many statements one request may run before it fails the test: as many as it likes unless it is said.
    #[cfg(feature = "db")]
    pub fn statements(mut self, most: usize) -> Self {
        self.budget.statements = Some(most);
        self
    }

    /// Starts it: everything but the listener.
    ///
    /// # Panics
    /// When something is wrong with the set-up or a part fails to start, with everything that is wrong.
    #[track_caller]
    pub fn start(self) -> impl Future<Output = TestApp> {
        let place = Location::caller();
        async move {
            match self.try_start().await {
                Ok(app) => app,
                Err(faults) => panic!("the application of {place} does not start:\n\n{faults}\n"),
            }
        }
    }

    /// Starts it, or says what is wrong: every finding, or every part that failed to start.
    ///
    /// # Errors
    /// The text that the program itself would end with.
    pub async fn try_start(self) -> Result<TestApp, String> {
        #[cfg(feature = "db")]
        let mut database = Database::reserve(self.engine)?;
        #[cfg(feature = "db")]
        let url = database.url();
        // A variable goes before the files and after what the test sets; without a database nobody reads it.
        #[cfg(not(feature = "db"))]
        let url = "sqlite::memory:";
        let sources = sources(&self.home, &self.profile)?
            .variable("DATABASE_URL", url)
            // A list with nothing in it: what the files name follows another database.
            .variable("DATABASE_REPLICAS", ",");
        let assembly = self.app.profile(self.profile).assemble(sources);
        if assembly.findings().has_errors() {
            return Err(assembly.findings().to_string());
        }
        if let Ok(config) = assembly.config.section::<LogConfig>() {
            logging::init(&config, &assembly.profile);
        }
        #[cfg(feature = "db")]
        database.make_for(&assembly).await?;
        let started = assembly.start(Services::Background).await.map_err(|errors| reports(&errors))?;
        let app = TestApp::new(started).await.map_err(|error| error.report())?;
        #[cfg(feature = "db")]
        let app = app.with_database(database).with_budget(self.budget);
        Ok(app)
    }
}

fn reports(errors: &[Error]) -> String {
    errors.iter().map(Error::report).collect::<Vec<_>>().join("\n")
}

/// The two configuration files, and nothing else of this machine.
fn sources(home: &Path, profile: &Profile) -> Result<Sources, String> {
    // That `.env` is empty is said so that it is not read.
    let mut sources = Sources::isolated().home(home).file(".env", "");
    for name in ["default", profile.name()] {
        let file = format!("config/{name}.toml");
        match std::fs::read_to_string(home.join(&file)) {
            Ok(text) => sources = sources.file(file, text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{} cannot be read: {error}", home.join(file).display())),
        }
    }
    Ok(sources)
}
