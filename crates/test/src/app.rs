//! The application under test.

use std::ops::Deref;
use std::sync::mpsc;
use std::time::Duration;

use mainstay_core::clock::Clock;
use mainstay_core::lifecycle::Started;
use mainstay_core::service::StopReport;
use mainstay_core::{App, Assembly, Inject, Result};
#[cfg(feature = "db")]
use mainstay_db::migrate::{Decisions, diff::diff};
#[cfg(feature = "db")]
use mainstay_db::schema::Schema;
#[cfg(feature = "db")]
use mainstay_db::transfer::{self, Source};
#[cfg(feature = "db")]
use mainstay_db::{Db, Migrations, Models};
use mainstay_http::Http;

use crate::client::{Client, Target};
#[cfg(feature = "db")]
use crate::database::Database;
use crate::setup::Setup;

/// So long a test that forgot [`TestApp::stop`] or failed waits for what the application leaves behind.
const PATIENCE: Duration = Duration::from_secs(2);

/// An application that has started, without a listener, and a [`Client`] of it.
///
/// Two of them in one process, or in tests that run at the same time, have nothing in common: each has its own
/// configuration, singletons and database.
///
/// Let it end by [`stop`](Self::stop), as the application does after a signal. A test that fails before ends it by
/// dropping it: services are aborted, and singletons disposed of.
pub struct TestApp {
    /// `None` once it has been stopped.
    started: Option<Started>,
    client: Client,
    /// Last: the application closes it before it goes.
    #[cfg(feature = "db")]
    database: Option<Database>,
}

impl TestApp {
    /// Starts an application as it is, but in the profile `test`.
    ///
    /// # Panics
    /// When something is wrong with the set-up or a part fails to start, with everything that is wrong.
    #[track_caller]
    pub fn start(app: App) -> impl Future<Output = Self> {
        Self::of(app).start()
    }

    /// An application that is to be changed for the test before it starts.
    pub fn of(app: App) -> Setup {
        Setup::new(app)
    }

    pub(crate) async fn new(started: Started) -> Result<Self> {
        let resolver = started.assembly().resolver();
        let http = match resolver.knows::<Http>() {
            true => Some(resolver.get::<Http>().await?),
            false => None,
        };
        let target = Target {
            http,
            clock: resolver.get::<dyn Clock>().await?,
            #[cfg(feature = "db")]
            db: match resolver.knows::<Db>() {
                true => Some(resolver.get::<Db>().await?),
                false => None,
            },
        };
        Ok(Self {
            started: Some(started),
            client: Client::new(target),
            #[cfg(feature = "db")]
            database: None,
        })
    }

    #[cfg(feature = "db")]
    pub(crate) fn with_database(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    #[cfg(feature = "db")]
    pub(crate) fn with_budget(mut self, budget: mainstay_db::log::Budget) -> Self {
        self.client.set_budget(budget);
        self
    }

    /// Somebody else: a client that shares no cookies with this application's first one.
    pub fn client(&self) -> Client {
        self.client.stranger()
    }

    /// Takes a value from the container. Other than the application's code, a test may take what a module does not
    /// export.
    ///
    /// # Panics
    /// When nothing provides it, or it cannot be built.
    pub async fn inject<T: ?Sized + Send + Sync + 'static>(&self) -> Inject<T> {
        let assembly = self.assembly();
        let root = assembly.resolver();
        let resolver = if root.knows::<T>() {
            root
        } else {
            let mut modules = assembly.contributions.modules().iter();
            let module = modules.find(|module| assembly.resolver_of(module).knows::<T>());
            module.map_or(root, |module| assembly.resolver_of(module))
        };
        match resolver.get::<T>().await {
            Ok(value) => value,
            Err(error) => panic!("{}", error.report()),
        }
    }

    /// Writes the rows of fixtures, all or none: of `fixtures/users.jsonl` for the name `users`, and so on.
    ///
    /// # Panics
    /// When there is no such file in the folder of the package under test, or a line of it does not fit.
    #[cfg(feature = "db")]
    pub async fn load_fixtures<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let (home, models) =
            (self.assembly().config.home(), Models::of_application(&self.assembly().contributions));
        let loaded = async {
            let mut sources = Vec::new();
            for name in names {
                sources.push(Source::fixture(home, name).await?);
            }
            transfer::load(&models, &*self.inject::<Db>().await, sources).await
        };
        if let Err(error) = loaded.await {
            panic!("{}", error.report());
        }
    }

    /// Asserts that migrations make the tables whose names begin so, as their models need them: for crates that bring migrations. Returns how
    /// many tables that are.
    ///
    /// # Panics
    /// When they make something else, with what would have to be done.
    #[cfg(feature = "db")]
    pub fn assert_migrations_make(&self, tables: &str) -> usize {
        let contributions = &self.assembly().contributions;
        let made = contributions.of::<Migrations>().try_fold(Schema::default(), |made, found| {
            found.value.history().and_then(|history| history.schema(&made))
        });
        let models = Models::of_application(contributions).into_iter();
        let wanted: Vec<_> = models.filter(|model| model.table.starts_with(tables)).collect();
        let made = made.unwrap_or_else(|tangle| panic!("{tangle}"));
        let steps = diff(&made, &Schema::of_models(&wanted), &mut Decisions::default());
        assert!(steps.as_ref().is_ok_and(Vec::is_empty), "{steps:#?}");
        wanted.len()
    }

    /// The application put together: its configuration, its modules, what they contribute.
    pub fn assembly(&self) -> &Assembly {
        match &self.started {
            Some(started) => started.assembly(),
            None => unreachable!("only `stop` and `drop` take it, and nothing is called after them"),
        }
    }

    /// Stops it as a signal would: drains, stops what runs in the background, runs the stop hooks, disposes of what was
    /// built.
    ///
    /// # Panics
    /// When a service had to be aborted, or failed while stopping, or the database of the test cannot be removed.
    pub async fn stop(mut self) {
        if let Some(started) = self.started.take() {
            let report: StopReport = started.stop().await;
            assert!(report.is_clean(), "the application did not stop cleanly: {report}");
        }
        #[cfg(feature = "db")]
        if let Some(database) = self.database.take()
            && let Err(fault) = database.remove().await
        {
            panic!("the database of the test cannot be removed: {fault}");
        }
    }
}

/// A `TestApp` is its own first client.
impl Deref for TestApp {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let Some(started) = self.started.take() else { return };
        // The runtime of the test may have no thread but this one, and that one is here: so it happens elsewhere, and
        // what needs the test's own runtime to end is left alone after a while.
        let (done, wait) = mpsc::sync_channel::<()>(1);
        let end = move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                // Whether it took too long is no news: nobody waits any more.
                let _in_time =
                    runtime.block_on(async { tokio::time::timeout(PATIENCE, started.abandon()).await });
            }
            drop(done);
        };
        if std::thread::Builder::new().name("end of a TestApp".into()).spawn(end).is_ok() {
            // Ends when the thread drops its end: nothing is ever sent.
            let _ended = wait.recv_timeout(PATIENCE);
        }
    }
}
