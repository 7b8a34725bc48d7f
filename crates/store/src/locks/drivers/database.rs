//! The application's database: what holds for all processes that share one, on SQLite for all of a machine.
//!
//! A lock is a row, which stays when the lock is given back, so that its token grows on. Nothing is held by an open transaction: a
//! claim is one statement that changes the row if nobody has it, or adds it, and one that looks whose it is. What a database has
//! acknowledged outlives a crash, and so does a lock.
//!
//! Whose time counts? That of the server, which is the same for all processes; on SQLite, and in tests, that of the process. Tokens
//! begin with it, in microseconds, so that a row which nobody has used for a week may go: the next one begins above.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{BoxFuture, FutureExt};
use mainstay_core::clock::Clock;
use mainstay_core::service::{Running, Service};
use mainstay_core::{
    Contribute, Contribution, CoreContributions, Error, Inject, Module, Profile, Resolver, Result,
};
use mainstay_db::driver::Dialect;
use mainstay_db::raw::Sql;
use mainstay_db::{Db, ModelsExt, migrations, model, models, sql};

use crate::driver::StoreError;
use crate::locks::LockEngine;
use crate::locks::driver::{Claim, Claimed, LockDriver};

/// A lock, as a row. Times are in microseconds since 1970.
#[model(table = "mainstay_locks")]
pub struct StoredLock {
    /// What is locked.
    #[field(primary_key, max_length = 128)]
    pub name: String,
    /// Who has it.
    #[field(max_length = 64)]
    pub owner: Option<String>,
    /// The number of whoever had it last.
    #[field(index)]
    pub token: i64,
    /// Until when they have it.
    pub ends_at: i64,
}

/// How `store.locks` names this engine.
pub const SCHEME: &str = "database";

/// A contribution: locks are in the database.
struct InDatabase;

impl Contribution for InDatabase {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Lets locks be in the database. In the prelude.
pub trait DatabaseLocksExt: Contribute {
    /// [`Locks`](crate::Locks) are in the table `mainstay_locks`, unless `store.locks` says otherwise.
    #[must_use]
    fn database_locks(self) -> Self {
        self.contribute(InDatabase)
    }
}

impl<C: Contribute> DatabaseLocksExt for C {}

fn module() -> Module {
    Module::new("database locks")
        .global()
        .import(mainstay_db::module::module())
        .models(models![StoredLock])
        .migrations(migrations!("locks").of_library())
        .contribute(LockEngine::new(SCHEME, open))
        .service(Service::new("locks", sweep))
}

async fn open(_: String, resolver: Resolver) -> Result<Arc<dyn LockDriver>> {
    let db = Db::clone(&*resolver.get::<Db>().await?).primary();
    let time = match *resolver.get::<Profile>().await? {
        Profile::Test => Time::OfTheApplication,
        _ => Time::OfTheServer,
    };
    Ok(Arc::new(DatabaseLocks::new(db, resolver.get::<dyn Clock>().await?.into_arc(), time)))
}

/// How often rows are looked for that nobody uses.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// After so long nobody uses a row any more. So much a clock may be set back without a token being given twice.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

async fn sweep(running: Running, db: Inject<Db>, clock: Inject<dyn Clock>) -> Result<()> {
    let mut sweeps = running.every(SWEEP);
    running.ready();
    while sweeps.next().await {
        let before = micros(clock.now()).saturating_sub(whole(UNUSED));
        StoredLock::filter(|lock| lock.token.lt(before) & lock.ends_at.lt(before)).delete(&db).await?;
    }
    Ok(())
}

/// Locks in a table of a database.
#[derive(Clone)]
pub struct DatabaseLocks {
    db: Db,
    clock: Arc<dyn Clock>,
    texts: Arc<Texts>,
}

/// The statements, as the engine takes them.
struct Texts {
    change: Arc<str>,
    add: Arc<str>,
    look: Arc<str>,
    renew: Arc<str>,
    release: Arc<str>,
    /// Whether the time is a value of theirs.
    takes_now: bool,
}

/// Whose time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// That of the server; on SQLite, which has none, that of the application.
    OfTheServer,
    /// That of the application: for tests, which move it.
    OfTheApplication,
}

/// A database may have much to do, but a lock that comes late is of no use.
const LONGEST: Duration = Duration::from_secs(5);

impl DatabaseLocks {
    /// In this database, which has the table.
    pub fn new(db: Db, clock: Arc<dyn Clock>, time: Time) -> Self {
        let now = match (db.dialect(), time) {
            (Dialect::Postgres, Time::OfTheServer) => {
                "CAST(extract(epoch from clock_timestamp()) * 1000000 AS bigint)"
            }
            // It does not guess the type of a place.
            (Dialect::Postgres, Time::OfTheApplication) => "CAST(:now AS bigint)",
            (Dialect::MySql | Dialect::MariaDb, Time::OfTheServer) => {
                "timestampdiff(MICROSECOND, '1970-01-01 00:00:00', utc_timestamp(6))"
            }
            _ => ":now",
        };
        let add = match db.dialect() {
            Dialect::MySql | Dialect::MariaDb => ADD.replace("INSERT INTO", "INSERT IGNORE INTO"),
            _ => format!("{ADD} ON CONFLICT (name) DO NOTHING"),
        };
        let text = |text: &str| text.replace("{now}", now).into();
        let texts = Arc::new(Texts {
            change: text(CHANGE),
            add: text(&add),
            look: text(LOOK),
            renew: text(RENEW),
            release: text(RELEASE),
            takes_now: now.contains(":now"),
        });
        Self { db, clock, texts }
    }

    fn sql(&self, text: &Arc<str>, claim: Claim<'_>) -> Sql {
        let sql = sql(Arc::clone(text)).bind_named("name", claim.name.to_owned());
        if self.texts.takes_now { sql.bind_named("now", micros(self.clock.now())) } else { sql }
    }

    async fn take(&self, claim: Claim<'_>) -> Result<Claimed> {
        let lifetime = whole(claim.lifetime);
        let with = |text: &Arc<str>| {
            self.sql(text, claim).bind_named("owner", claim.owner.to_owned()).bind_named("lifetime", lifetime)
        };
        let look = async || {
            let look = self.sql(&self.texts.look, claim);
            look.fetch_optional::<(Option<String>, i64, i64)>(&self.db).await
        };
        // Those whose turn it was last may have gone while they looked: then it is free.
        for _ in 0..2 {
            with(&self.texts.change).execute(&self.db).await?;
            let mut row = look().await?;
            if row.is_none() {
                with(&self.texts.add).execute(&self.db).await?;
                row = look().await?;
            }
            match row {
                Some((Some(owner), token, _)) if owner == claim.owner => {
                    return Ok(Claimed::Taken(u64::try_from(token).unwrap_or(0)));
                }
                Some((Some(_), _, left)) if left > 0 => {
                    return Ok(Claimed::Held(Duration::from_micros(left.unsigned_abs())));
                }
                _ => {}
            }
        }
        Ok(Claimed::Held(Duration::ZERO))
    }

    async fn prolong(&self, claim: Claim<'_>) -> Result<bool> {
        let renew = self.sql(&self.texts.renew, claim).bind_named("owner", claim.owner.to_owned());
        Ok(renew.bind_named("lifetime", whole(claim.lifetime)).execute(&self.db).await? > 0)
    }

    async fn give_back(&self, claim: Claim<'_>) -> Result<bool> {
        let release = self.sql(&self.texts.release, claim).bind_named("owner", claim.owner.to_owned());
        Ok(release.execute(&self.db).await? > 0)
    }
}

/// MySQL changes columns one after the other, and sees what it has changed: the token comes first.
const CHANGE: &str = "UPDATE mainstay_locks SET \
     token = CASE WHEN owner = :owner AND ends_at > {now} THEN token WHEN token >= {now} THEN token + 1 ELSE {now} END, \
     owner = :owner, ends_at = {now} + :lifetime \
     WHERE name = :name AND (owner IS NULL OR owner = :owner OR ends_at <= {now})";
const ADD: &str = "INSERT INTO mainstay_locks (name, owner, token, ends_at) \
     VALUES (:name, :owner, {now}, {now} + :lifetime)";
const LOOK: &str = "SELECT owner, token, ends_at - {now} FROM mainstay_locks WHERE name = :name";
const RENEW: &str = "UPDATE mainstay_locks SET ends_at = {now} + :lifetime \
     WHERE name = :name AND owner = :owner AND ends_at > {now}";
const RELEASE: &str = "UPDATE mainstay_locks SET owner = NULL, ends_at = 0 \
     WHERE name = :name AND owner = :owner AND ends_at > {now}";

/// The answer of a database, if it comes in time.
async fn in_time<T>(answer: impl Future<Output = Result<T>>) -> Result<T, StoreError> {
    let place = "the database";
    match tokio::time::timeout(LONGEST, answer).await {
        Ok(answer) => answer.map_err(|error: Error| StoreError::out_of_reach(place, error.report())),
        Err(late) => Err(StoreError::out_of_reach(place, late)),
    }
}

fn micros(time: SystemTime) -> i64 {
    whole(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

impl LockDriver for DatabaseLocks {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        in_time(self.take(claim)).boxed()
    }

    fn renew<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        in_time(self.prolong(claim)).boxed()
    }

    fn release<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>> {
        in_time(self.give_back(claim)).boxed()
    }
}

impl std::fmt::Debug for DatabaseLocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseLocks").field("dialect", &self.db.dialect()).finish_non_exhaustive()
    }
}
