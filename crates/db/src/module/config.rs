//! The configuration section `database`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::Result;
use mainstay_core::config::{Problems, Section, duration};
use mainstay_core::error::Context;
use serde::{Deserialize, Serialize, Serializer};

use crate::driver::Driver;
use crate::engine;
use crate::error::Border;
use crate::replicas::Replicas;

/// `[database]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseConfig {
    /// Where it is: `sqlite:data/app.db` (from the application's home), `sqlite:///var/lib/app.db`, `sqlite::memory:`,
    /// `postgres://user:password@host/database?sslmode=verify-full`.
    #[serde(serialize_with = "without_password")]
    pub url: String,
    /// Replicas of it, on PostgreSQL and MariaDB: reads that need not go to the primary go there.
    #[serde(serialize_with = "without_any_password")]
    pub replicas: Vec<String>,
    /// A replica that is further behind is not asked.
    #[serde(with = "duration")]
    pub replica_lag: Duration,
    /// The most connections. 0: the engine's own habit. For SQLite, those that read, each in a thread of its own: one for
    /// each processor, from 2 to 8. For a server: 10.
    pub connections: usize,
    /// How long a statement or a transaction waits for its turn.
    #[serde(with = "duration")]
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    #[serde(with = "duration")]
    pub statement_timeout: Duration,
    /// How long a transaction may be open.
    #[serde(with = "duration")]
    pub transaction_timeout: Duration,
    /// A statement that takes longer is logged as a warning.
    #[serde(with = "duration")]
    pub slow_query: Duration,
    /// Whether each statement names, in a comment, the route that it is run for.
    pub comments: bool,
    /// Whether tables that are missing are made at start, where there are no migrations. Unless it is set: in development and
    /// in tests.
    pub auto_create: Option<bool>,
    /// What stands between the application and PostgreSQL: `none`, or `transaction` for PgBouncer in transaction mode.
    pub pooler: String,
    /// The server itself, past the pooler: for what changes the schema, and for notifications.
    #[serde(serialize_with = "without_passwords")]
    pub direct_url: Option<String>,
    /// What the connections are called on the server.
    pub application_name: Option<String>,
    /// Whether migrations that are missing are applied at start. Unless it is set: in development and in tests.
    pub migrate_on_start: Option<bool>,
    /// How long one migration may take, and how long one waits for another process that is migrating.
    #[serde(with = "duration")]
    pub migration_timeout: Duration,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:data/app.db".to_owned(),
            replicas: Vec::new(),
            replica_lag: Duration::from_secs(10),
            connections: 0,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            transaction_timeout: Duration::from_secs(5),
            slow_query: Duration::from_millis(200),
            comments: false,
            auto_create: None,
            pooler: NO_POOLER.to_owned(),
            direct_url: None,
            application_name: None,
            migrate_on_start: None,
            migration_timeout: Duration::from_secs(60 * 60),
        }
    }
}

impl Section for DatabaseConfig {
    const NAME: &'static str = "database";
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("DATABASE_URL", "url"), ("DATABASE_REPLICAS", "replicas")];

    fn validate(&self, problems: &mut Problems) {
        if let Err(why) = engine::recognise(&self.url) {
            problems.add(
                "url",
                why,
                Some("write `sqlite:data/app.db`, or `sqlite::memory:` for one that does not stay"),
            );
        }
        if ![NO_POOLER, TRANSACTION_POOLER].contains(&&*self.pooler) {
            let fix = "write `none`, or `transaction` for PgBouncer in transaction mode";
            problems.add("pooler", format!("knows no `{}`", self.pooler), Some(fix));
        }
        let server = engine::is_postgres(&self.url);
        if self.pooler == TRANSACTION_POOLER && !server {
            problems.add("pooler", "is for PostgreSQL", Some("leave it out, or change `url`"));
        }
        if let Some(direct) = &self.direct_url
            && !(server && engine::is_postgres(direct))
        {
            let fix = "leave it out, or let both addresses begin with `postgres://`";
            problems.add("direct_url", "is for PostgreSQL", Some(fix));
        }
        self.validate_replicas(problems);
        let limits = [
            ("acquire_timeout", self.acquire_timeout),
            ("statement_timeout", self.statement_timeout),
            ("transaction_timeout", self.transaction_timeout),
            ("migration_timeout", self.migration_timeout),
        ];
        for (key, limit) in limits {
            if limit.is_zero() {
                problems.add(key, "must not be 0: nothing could ever run", None);
            }
        }
    }
}

impl DatabaseConfig {
    /// Opens the database, without the model layer. Relative paths start at `home`. Replicas are opened in the background.
    pub async fn open(&self, home: &Path) -> Result<Arc<dyn Driver>> {
        let pool = self.pool();
        let opened = async {
            let primary = engine::open(&self.url, home, &pool).await?;
            if self.replicas.is_empty() {
                return Ok(primary);
            }
            let replicas =
                Replicas::of((primary, &self.url), &self.replicas, self.replica_lag, (home, &pool))?;
            Ok(Arc::new(replicas) as Arc<dyn Driver>)
        };
        let place = engine::without_credentials(&self.url);
        opened.await.at_border().context(format!("opening the database `{place}`"))
    }

    fn validate_replicas(&self, problems: &mut Problems) {
        if self.replicas.is_empty() {
            return;
        }
        if self.replica_lag < LEAST_LAG {
            let why =
                format!("must be at least {LEAST_LAG:?}: replicas are not asked more often where they are");
            problems.add("replica_lag", why, None);
        }
        let mut places = vec![engine::place(&self.url)];
        for url in &self.replicas {
            let place = engine::place(url);
            if !engine::may_replicate(&self.url, url) {
                let why = format!(
                    "`{place}` cannot be a replica of `url`: both must be PostgreSQL, or both MariaDB"
                );
                problems.add("replicas", why, Some("leave it out, or let both addresses begin alike"));
            } else if place == places[0] {
                let why = format!("`{place}` is the primary itself");
                problems.add(
                    "replicas",
                    why,
                    Some("name the servers that follow it, or leave `replicas` out"),
                );
            } else if places.contains(&place) {
                problems.add("replicas", format!("`{place}` is named twice"), Some("name each replica once"));
            }
            places.push(place);
        }
    }

    /// The same with the primary alone.
    pub(super) fn without_replicas(&self) -> Self {
        Self { replicas: Vec::new(), ..self.clone() }
    }

    /// The same for migrations: one of their statements may take as long as a migration.
    pub(super) fn for_migrations(&self) -> Self {
        let limit = self.migration_timeout.max(self.statement_timeout);
        Self { statement_timeout: limit, ..self.clone() }
    }

    fn pool(&self) -> engine::Pool {
        engine::Pool {
            connections: (self.connections > 0).then_some(self.connections),
            acquire_timeout: Some(self.acquire_timeout),
            statement_timeout: Some(self.statement_timeout),
            transaction_timeout: Some(self.transaction_timeout),
            pooler: Some(self.pooler.clone()),
            direct_url: self.direct_url.clone(),
            application_name: self.application_name.clone(),
            read_only: false,
        }
    }
}

/// What can be told from what a replica shows in one look.
const LEAST_LAG: Duration = Duration::from_secs(1);
const NO_POOLER: &str = "none";
const TRANSACTION_POOLER: &str = "transaction";

fn without_password<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&engine::without_credentials(url))
}

fn without_passwords<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match url {
        Some(url) => serializer.serialize_some(&engine::without_credentials(url)),
        None => serializer.serialize_none(),
    }
}

fn without_any_password<S: Serializer>(urls: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(urls.iter().map(|url| engine::without_credentials(url)))
}
