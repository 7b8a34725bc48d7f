//! A primary with real replicas: who is asked, and what clients see of what they have written.
//!
//! Each test has servers of its own, since it holds them up, kills them and starts them again. Which server has answered, the
//! answer says: its port.
//!
//! - `reading`: where reads go; `writing`: what becomes of them after a write.
//! - `trouble`: replicas that are behind, gone, or none; `postgres`: silent, or with something to apply.
//! - `setup`: what is wrong with a configuration.

#[cfg(feature = "postgres")]
mod postgres;
mod reading;
mod setup;
mod trouble;
mod writing;

use std::time::{Duration, Instant};

use mainstay_db::driver::Dialect;
use mainstay_db::replicas::{Position, Reads, Scope};
use mainstay_db::scratch::Scratch;
use mainstay_db::{DatabaseConfig, Db, Executor, Settings, sql};
use servers::{Durability, Engine, Server, programs};

/// How long anything may take that is only a matter of time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A primary, its replicas, and a database on them with a table of notes.
pub(crate) struct Rig {
    pub(crate) primary: Server,
    pub(crate) replicas: Vec<Server>,
    scratch: Scratch,
}

impl Rig {
    /// None without the programs, which it says.
    pub(crate) async fn start(engine: Engine, replicas: usize) -> Option<Self> {
        let program = match engine {
            Engine::Postgres => programs::POSTGRES,
            Engine::MariaDb => programs::MARIADB,
            Engine::Redis => programs::REDIS,
        };
        if let Err(why) = program.find() {
            servers::not_run(&format!("on {}: {why}", engine.name()));
            return None;
        }
        let started = tokio::task::spawn_blocking(move || {
            let primary = Server::start_primary(engine, Durability::Fast).unwrap();
            let replicas = (0..replicas).map(|_| primary.start_replica().unwrap()).collect();
            (primary, replicas)
        });
        let (primary, replicas) = started.await.unwrap();
        let scratch = Scratch::new(&primary.url()).await.unwrap();
        let rig = Self { primary, replicas, scratch };
        let db = Db::open(rig.scratch.url()).await.unwrap();
        sql("CREATE TABLE notes (id BIGINT PRIMARY KEY)").execute(&db).await.unwrap();
        db.close().await;
        Some(rig)
    }

    /// The settings of an application on it.
    pub(crate) fn config(&self) -> DatabaseConfig {
        DatabaseConfig {
            url: self.scratch.url().to_owned(),
            replicas: self.replicas.iter().map(|replica| self.url_of(replica)).collect(),
            replica_lag: Duration::from_secs(600),
            ..DatabaseConfig::default()
        }
    }

    fn url_of(&self, server: &Server) -> String {
        let port = |server: &Server| format!(":{}/", server.port());
        self.scratch.url().replace(&port(&self.primary), &port(server))
    }

    /// A handle as a node of the application has it.
    pub(crate) async fn open(&self) -> Db {
        open(&self.config()).await
    }

    /// A handle on a replica by itself.
    pub(crate) async fn on_replica(&self, index: usize) -> Db {
        Db::open(&self.url_of(&self.replicas[index])).await.unwrap()
    }

    /// Keeps a replica from applying what it gets.
    pub(crate) async fn pause(&self, index: usize) {
        let db = self.on_replica(index).await;
        match db.dialect() {
            Dialect::Postgres => {
                sql("SELECT pg_wal_replay_pause()").rows(&db).await.unwrap();
                let paused = "SELECT CASE WHEN pg_get_wal_replay_pause_state() = 'paused' THEN 1 ELSE 0 END";
                eventually(async || sql(paused).fetch_one::<i32>(&db).await.unwrap() == 1).await;
            }
            _ => {
                sql("STOP SLAVE SQL_THREAD").execute(&db).await.unwrap();
            }
        }
        db.close().await;
    }

    pub(crate) async fn resume(&self, index: usize) {
        let db = self.on_replica(index).await;
        match db.dialect() {
            Dialect::Postgres => drop(sql("SELECT pg_wal_replay_resume()").rows(&db).await.unwrap()),
            _ => drop(sql("START SLAVE SQL_THREAD").execute(&db).await.unwrap()),
        }
        db.close().await;
    }

    /// Waits until the replicas are asked.
    pub(crate) async fn is_ready(&self, db: &Db) {
        eventually(async || {
            let mut asked = Vec::new();
            for _ in &self.replicas {
                asked.push(reading(db, None, port(db)).await);
            }
            self.replicas.iter().all(|replica| asked.contains(&replica.port()))
        })
        .await;
    }

    pub(crate) async fn end(self) {
        self.scratch.remove().await.unwrap();
        tokio::task::spawn_blocking(move || drop((self.replicas, self.primary))).await.unwrap();
    }
}

pub(crate) async fn open(config: &DatabaseConfig) -> Db {
    Db::over(config.open(std::path::Path::new(".")).await.unwrap(), Settings::default())
}

/// Asks for the port of the server that answers.
pub(crate) fn question(db: &Db) -> &'static str {
    match db.dialect() {
        Dialect::Postgres => "SELECT CAST(inet_server_port() AS bigint)",
        _ => "SELECT CAST(@@port AS SIGNED)",
    }
}

/// The port of the server that answers.
pub(crate) async fn port(db: &Db) -> u16 {
    answered(db, db).await
}

/// The same in a transaction.
pub(crate) async fn answered(db: &Db, executor: &impl Executor) -> u16 {
    u16::try_from(sql(question(db)).fetch_one::<i64>(executor).await.unwrap()).unwrap()
}

/// Does something as a request does that only reads, of a client that has seen `after`.
pub(crate) async fn reading<T>(db: &Db, after: Option<&Position>, work: impl Future<Output = T>) -> T {
    Scope::of(db, Reads::Replica, after.cloned()).unwrap().around(work).await
}

/// Does something as a request does that may write, and says what the client gets to keep.
pub(crate) async fn writing<T>(db: &Db, work: impl Future<Output = T>) -> (T, Option<Position>) {
    let scope = Scope::of(db, Reads::Primary, None).unwrap();
    let value = scope.around(work).await;
    (value, scope.written().await.unwrap())
}

pub(crate) async fn add(db: &Db, id: i64) {
    sql("INSERT INTO notes (id) VALUES (?)").bind(id).execute(db).await.unwrap();
}

pub(crate) async fn notes(db: &Db) -> Vec<i64> {
    sql("SELECT id FROM notes ORDER BY id").fetch(db).await.unwrap()
}

pub(crate) async fn eventually(mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < PATIENCE, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes one test of each for both engines.
macro_rules! on_both {
    ($($name:ident with $replicas:literal),* $(,)?) => {
        $crate::replicas::on_both!(@engine "postgres" on_postgres Postgres [$($name $replicas)*]);
        $crate::replicas::on_both!(@engine "mysql" on_mariadb MariaDb [$($name $replicas)*]);
    };
    (@engine $feature:literal $module:ident $engine:ident [$($name:ident $replicas:literal)*]) => {
        #[cfg(feature = $feature)]
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let rig = $crate::replicas::Rig::start(servers::Engine::$engine, $replicas).await;
                    if let Some(rig) = rig {
                        super::$name(rig).await;
                    }
                }
            )*
        }
    };
}
pub(crate) use on_both;
