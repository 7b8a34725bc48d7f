//! Sessions in the application's database: they outlive the process, and all processes have the same.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::clock::Clock;
use mainstay_core::service::{Running, Service};
use mainstay_core::{Contribute, Contribution, CoreContributions, Inject, Module, Resolver, Result};
use mainstay_db::{Db, ModelsExt, migrations, model, models};
use mainstay_http::session::{SessionDriver, SessionKey, SessionRecord, SessionStore, SessionsExt};

/// A session, as a row.
#[model(table = "mainstay_sessions")]
pub struct StoredSession {
    /// Its key, which does not tell the cookie.
    #[field(primary_key, max_length = 64)]
    pub id: String,
    /// Whose it is.
    #[field(index, max_length = 255)]
    pub owner: Option<String>,
    /// What is remembered, as JSON. As a text, since no engine's JSON has every letter.
    pub data: String,
    /// When it began, or its owner signed in.
    pub created_at: DateTime<Utc>,
    /// When a request last came with it, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends.
    #[field(index)]
    pub expires_at: DateTime<Utc>,
    /// Whether it outlives the browser.
    pub is_remembered: bool,
    /// From where a request last came with it.
    #[field(max_length = 45)]
    pub address: Option<String>,
    /// Which program last came with it, as it says itself.
    #[field(max_length = 255)]
    pub agent: Option<String>,
    /// Which record it is of this key.
    pub revision: i64,
}

/// A contribution: sessions are in the database.
struct InDatabase;

impl Contribution for InDatabase {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Lets sessions be in the database. In the prelude.
pub trait DatabaseSessionsExt: Contribute {
    /// Handlers may take a [`Session`](mainstay_http::Session), and sessions are in the table `mainstay_sessions`, unless
    /// `session.store` says otherwise.
    #[must_use]
    fn database_sessions(self) -> Self {
        self.contribute(InDatabase)
    }
}

impl<C: Contribute> DatabaseSessionsExt for C {}

fn module() -> Module {
    Module::new("database sessions")
        .global()
        .import(mainstay_db::module::module())
        .sessions()
        .models(models![StoredSession])
        .migrations(migrations!("sessions").of_library())
        .contribute(SessionDriver::new("database", open))
        .service(Service::new("sessions", sweep))
}

async fn open(_: String, resolver: Resolver) -> Result<Arc<dyn SessionStore>> {
    let (db, clock) = (resolver.get::<Db>().await?, resolver.get::<dyn Clock>().await?);
    Ok(Arc::new(InTable { db, clock }))
}

/// How often rows of sessions are deleted that have ended.
const SWEEP: Duration = Duration::from_secs(10 * 60);

async fn sweep(running: Running, db: Inject<Db>, clock: Inject<dyn Clock>) -> Result<()> {
    let mut sweeps = running.every(SWEEP);
    running.ready();
    while sweeps.next().await {
        let now: DateTime<Utc> = clock.now().into();
        StoredSession::filter(|session| session.expires_at.le(now)).delete(&db).await?;
    }
    Ok(())
}

/// The store over the table.
struct InTable {
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
}

impl InTable {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now().into()
    }

    async fn find(&self, key: &SessionKey) -> Result<Option<SessionRecord>> {
        let now = self.now();
        let row = StoredSession::filter(|session| session.id.eq(key.as_str()) & session.expires_at.gt(now))
            .first(&self.db.primary())
            .await?;
        row.map(StoredSession::into_record).transpose()
    }

    async fn keep(&self, key: &SessionKey, record: &SessionRecord) -> Result<bool> {
        let data = serde_json::to_string(&record.data)?;
        let address = record.address.map(|address| address.to_string());
        let revision = i64::try_from(record.revision).unwrap_or(i64::MAX);
        if revision == 1 {
            let new = NewStoredSession {
                id: key.as_str().to_owned(),
                data,
                created_at: record.created_at.into(),
                seen_at: record.seen_at.into(),
                expires_at: record.expires_at.into(),
                is_remembered: record.is_remembered,
                revision,
            };
            let new = new.owner(record.owner.clone()).address(address).agent(record.agent.clone());
            return Ok(new.insert_or_ignore(|session| session.id, &*self.db).await?.is_some());
        }
        let now = self.now();
        let before = StoredSession::filter(|session| {
            session.id.eq(key.as_str()) & session.revision.eq(revision - 1) & session.expires_at.gt(now)
        });
        let kept = before.update(
            |session| {
                session
                    .owner(record.owner.clone())
                    .data(data)
                    .created_at(record.created_at.into())
                    .seen_at(record.seen_at.into())
                    .expires_at(record.expires_at.into())
                    .is_remembered(record.is_remembered)
                    .address(address)
                    .agent(record.agent.clone())
                    .revision(revision)
            },
            &*self.db,
        );
        Ok(kept.await? == 1)
    }

    async fn list(&self, owner: &str) -> Result<Vec<(SessionKey, SessionRecord)>> {
        let now = self.now();
        let rows = StoredSession::filter(|session| session.owner.eq(owner) & session.expires_at.gt(now))
            .order_by(|session| session.seen_at.desc())
            .all(&self.db.primary())
            .await?;
        rows.into_iter().map(|row| Ok((SessionKey::from_text(&*row.id), row.into_record()?))).collect()
    }
}

impl StoredSession {
    fn into_record(self) -> Result<SessionRecord> {
        Ok(SessionRecord {
            data: serde_json::from_str(&self.data)?,
            owner: self.owner,
            created_at: self.created_at.into(),
            seen_at: self.seen_at.into(),
            expires_at: self.expires_at.into(),
            is_remembered: self.is_remembered,
            address: self.address.and_then(|text| text.parse::<IpAddr>().ok()),
            agent: self.agent,
            revision: u64::try_from(self.revision).unwrap_or_default(),
        })
    }
}

impl SessionStore for InTable {
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<SessionRecord>>> {
        self.find(key).boxed()
    }

    fn save<'a>(&'a self, key: &'a SessionKey, record: &'a SessionRecord) -> BoxFuture<'a, Result<bool>> {
        self.keep(key, record).boxed()
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>> {
        async {
            StoredSession::filter(|session| session.id.eq(key.as_str())).delete(&*self.db).await?;
            Ok(())
        }
        .boxed()
    }

    fn of_owner<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<Vec<(SessionKey, SessionRecord)>>> {
        self.list(owner).boxed()
    }
}
