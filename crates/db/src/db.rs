//! The handle to a database.

use std::fmt;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_core::clock::{Clock, SystemClock};
use mainstay_core::keys::Keys;

use crate::driver::{
    Access, Begin, Dialect, Driver, PoolStatus, Reply, RowStream, Statement, StatementKind, Transaction,
};
use crate::encrypted::Vault;
use crate::error::{Border, DbError};
use crate::executor::Executor;
use crate::factory::Sequences;
use crate::log::{Budget, Comments, Meters, QueryLog, Recorders, Watch, Watched};
use crate::query::SqlCache;
use crate::replicas::scope::carried;
use crate::replicas::{Reads, Replicas, Scope, Set};
use crate::signal::{Board, Signals};
use crate::tenancy::Tenancy;
use crate::transaction::{self, Transactions, Tx};

/// A database. Cheap to clone; `&db` runs queries.
///
/// ```
/// use mainstay_db::{Db, sql};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// let db = Db::open("sqlite::memory:").await?;
/// let rows = sql("SELECT ? + 1").bind(41).rows(&db).await?;
/// assert_eq!(rows.first().unwrap().get::<i64>(0)?, 42);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// Whether everything goes to the primary.
    to_primary: bool,
    /// Whether it is for work that nobody waits for.
    in_background: bool,
    tenancy: Tenancy,
}

struct Inner {
    driver: Arc<dyn Driver>,
    /// The primary by itself, where there are replicas.
    primary: Option<Arc<dyn Driver>>,
    dialect: Dialect,
    cache: SqlCache,
    recorders: Recorders,
    comments: Comments,
    sequences: Sequences,
    settings: Settings,
    /// Made of the keys.
    vault: Option<Arc<Vault>>,
    signals: Arc<Board>,
}

/// What a handle does beside running statements.
#[derive(Clone)]
pub struct Settings {
    /// A statement that takes longer is logged as a warning.
    pub slow_query: Duration,
    /// Whether each statement names, in a comment, the route that it is run for.
    pub comments: bool,
    /// What `created_at` and `updated_at` fields are set by.
    pub clock: Arc<dyn Clock>,
    /// Where statements are counted, if they are.
    pub meters: Option<Meters>,
    /// What encrypted fields are sealed by. Without, they can be neither written nor read.
    pub keys: Option<Keys>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slow_query: Duration::from_millis(200),
            comments: false,
            clock: Arc::new(SystemClock),
            meters: None,
            keys: None,
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("dialect", &self.inner.dialect).finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the database at `url`, with the usual settings. Relative paths start at the current folder.
    pub async fn open(url: &str) -> Result<Self> {
        let driver =
            crate::engine::open(url, Path::new("."), &crate::engine::Pool::default()).await.at_border()?;
        Ok(Self::over(driver, Settings::default()))
    }

    /// A handle on a driver.
    pub fn over(driver: Arc<dyn Driver>, settings: Settings) -> Self {
        let signals = Board::new(&driver);
        Self::with_signals(driver, settings, signals)
    }

    fn with_signals(driver: Arc<dyn Driver>, settings: Settings, signals: Arc<Board>) -> Self {
        let dialect = driver.dialect();
        let (cache, recorders, comments) = (SqlCache::default(), Recorders::default(), Comments::default());
        let sequences = Sequences::default();
        let primary = driver.replicas().map(Replicas::primary);
        let vault = settings.keys.as_ref().map(|keys| Arc::new(Vault::new(keys)));
        let inner = Inner {
            driver,
            primary,
            dialect,
            cache,
            recorders,
            comments,
            sequences,
            settings,
            vault,
            signals,
        };
        Self { inner: Arc::new(inner), to_primary: false, in_background: false, tenancy: Tenancy::Unsaid }
    }

    /// Another handle on the same database, by which encrypted fields are written and read with these keys. An application's [`Db`] has
    /// the keys of the application already.
    #[must_use]
    pub fn with_keys(&self, keys: &Keys) -> Self {
        let settings = Settings { keys: Some(keys.clone()), ..self.inner.settings.clone() };
        let (driver, signals) = (Arc::clone(&self.inner.driver), Arc::clone(&self.inner.signals));
        let over = Self::with_signals(driver, settings, signals);
        Self {
            to_primary: self.to_primary,
            in_background: self.in_background,
            tenancy: self.tenancy.clone(),
            ..over
        }
    }

    /// How its SQL is written.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Runs `work` in a transaction: commits when it succeeds, rolls back when it fails, panics or is dropped.
    ///
    /// On SQLite a transaction owns the only writer. Keep it short, and do in it nothing that waits for somebody else: it
    /// is rolled back after 5 seconds, and warned of after 100 milliseconds.
    pub async fn transaction<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&Tx) -> Result<T>,
    {
        self.transactions().run(work).await
    }

    /// Runs `work` in a transaction, and again in a new one when the engine gives it up because of another transaction
    /// ([`DbError::SerializationFailure`], [`DbError::Deadlock`]): up to 5 times in all, with random waits between.
    ///
    /// `work` is a closure that can be cloned, since it is run several times: one that takes what it needs by reference is.
    /// What `work` does beside the transaction is done each time: leave that to [`Tx::after_commit`].
    pub async fn transaction_retry<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&Tx) -> Result<T> + Clone,
    {
        self.transactions().retry(work).await
    }

    /// Begins a transaction, which is rolled back unless [`Tx::commit`] is called. Prefer [`Db::transaction`].
    pub async fn begin(&self) -> Result<Tx> {
        self.transactions().begin().await
    }

    /// Transactions of another kind: isolated otherwise, read-only, with a deadline of their own.
    pub fn transactions(&self) -> Transactions {
        Transactions::new(self)
    }

    /// A handle that asks the primary alone, also where a [scope](Scope) would let reads go to a replica. Without replicas, it is
    /// the same handle.
    #[must_use]
    pub fn primary(&self) -> Self {
        Self { to_primary: true, ..self.clone() }
    }

    /// The same for a service that looks into the database from time to time: its statements are in no [`QueryLog`], so that a test
    /// counts what it has asked for, and nothing else.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { in_background: true, ..self.clone() }
    }

    /// Runs `work`, whose reads go to a replica, if one is near enough to the primary: a report that need not know the last
    /// moment. Once it has written, its reads go to the primary. Without replicas, it is run as it is.
    ///
    /// What it begins by `tokio::spawn` reads from the primary.
    pub async fn on_replicas<T>(&self, work: impl Future<Output = T>) -> T {
        carried(Scope::of(self, Reads::Replica, None), work).await
    }

    /// How far behind a replica may be that is asked; `None` without replicas.
    pub fn replica_lag(&self) -> Option<Duration> {
        self.replica_set().map(|set| set.limit())
    }

    /// Records every statement from now on, of all tasks that share this database, until the log is dropped.
    pub fn record(&self) -> QueryLog {
        self.inner.recorders.record()
    }

    /// For a test: panics when it is dropped if more statements than that were run meanwhile, or the same line ran one
    /// reading statement more than 10 times ([`Watched::repeats`]). It names each statement, and the line that ran it.
    ///
    /// ```
    /// # use mainstay_db::{Db, sql};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
    /// # let db = Db::open("sqlite::memory:").await?;
    /// let budget = db.budget(2);
    /// sql("SELECT 1").rows(&db).await?;
    /// sql("SELECT 2").rows(&db).await?;
    /// drop(budget);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn budget(&self, statements: usize) -> Watched {
        Watched::new(self.record(), Budget { statements: Some(statements), ..Budget::default() })
    }

    /// Hears from now on when a topic is signalled, by this process or, on PostgreSQL, by any. See [`signal`](crate::signal).
    ///
    /// Every handle that was cloned from one another has the same signals.
    pub fn signals(&self, topic: impl Into<Arc<str>>) -> Signals {
        self.inner.signals.join(topic.into())
    }

    /// Signals a topic: at once in this process, and within milliseconds in others. What a transaction has to say is said by
    /// [`Tx::signal`].
    pub fn signal(&self, topic: impl Into<Arc<str>>) {
        self.inner.signals.tell(topic.into());
    }

    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.inner.signals
    }

    /// Whether it answers. For the readiness probe.
    pub async fn ping(&self) -> Result<()> {
        let statement = Statement::read("SELECT 1", Vec::new());
        self.target().run(statement).await.map(|_| ()).at_border()
    }

    /// Ends what is under way and frees files and threads. Every clone of the handle is closed with it.
    pub async fn close(&self) {
        self.driver().close().await;
    }

    pub(crate) fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    pub(crate) fn with_tenancy(&self, tenancy: Tenancy) -> Self {
        Self { tenancy, ..self.clone() }
    }

    fn driver(&self) -> &dyn Driver {
        match &self.inner.primary {
            Some(primary) if self.to_primary => &**primary,
            _ => &*self.inner.driver,
        }
    }

    /// Its servers, if it has replicas.
    pub(crate) fn replica_set(&self) -> Option<&Arc<Set>> {
        self.inner.driver.replicas().map(Replicas::set)
    }

    /// What the running task does on it, if it has replicas.
    pub(crate) fn scope(&self) -> Option<Scope> {
        self.replica_set().and_then(Scope::current)
    }

    pub(crate) fn cache(&self) -> &SqlCache {
        &self.inner.cache
    }

    pub(crate) fn vault(&self) -> Option<&Arc<Vault>> {
        self.inner.vault.as_ref()
    }

    pub(crate) fn sequences(&self) -> &Sequences {
        &self.inner.sequences
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from(self.inner.settings.clock.now())
    }

    pub(crate) fn watch(&self, statement: &Statement, caller: &'static Location<'static>) -> Watch<'_> {
        let recorders = (!self.in_background).then_some(&self.inner.recorders);
        Watch::start(recorders, &self.inner.settings, statement, caller)
    }

    /// With what it is run for as a comment, if that is wanted.
    pub(crate) fn commented(&self, mut statement: Statement) -> Statement {
        if self.inner.settings.comments && statement.kind != StatementKind::Script {
            statement.sql = self.inner.comments.add(statement.sql);
        }
        statement
    }

    pub(crate) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        if statement.kind != StatementKind::Read {
            self.refuse_to_wait_for_itself()?;
        }
        self.driver().run(statement).await
    }

    pub(crate) async fn stream(&self, statement: Statement) -> Result<RowStream, DbError> {
        self.driver().stream(statement).await
    }

    pub(crate) async fn begin_on_driver(&self, how: Begin) -> Result<Box<dyn Transaction>, DbError> {
        if how.access != Access::ReadOnly {
            self.refuse_to_wait_for_itself()?;
        }
        self.driver().begin(how).await
    }

    /// How much of its driver is in use.
    pub fn status(&self) -> PoolStatus {
        self.driver().status()
    }

    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    /// A write through `&db` while this task holds the writer in a transaction would wait until the transaction's deadline.
    fn refuse_to_wait_for_itself(&self) -> Result<(), DbError> {
        if self.inner.dialect == Dialect::Sqlite && transaction::is_held(self) {
            return Err(DbError::Model {
                detail:
                    "a write through `&db` inside of a transaction would wait for that transaction for ever: \
                         pass `tx`"
                        .to_owned(),
            });
        }
        Ok(())
    }
}
