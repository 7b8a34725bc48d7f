//! Sessions on a Redis server: they outlive the process, all processes have the same, and Redis ends them by itself.
//!
//! A session is a hash: its record, and what the scripts compare. An owner's sessions are a sorted set of keys by when they end,
//! which drops what has ended whenever it is used. Sessions go by the clock of the application, as their records do.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::assembly::Assembly;
use mainstay_core::check::Check;
use mainstay_core::clock::Clock;
use mainstay_core::driver::scheme_of;
use mainstay_core::random::Random;
use mainstay_core::{
    Contribute, Contribution, CoreContributions, Error, Finding, Findings, Inject, Module, Resolver, Result,
};
use mainstay_http::session::{
    SessionConfig, SessionDriver, SessionKey, SessionRecord, SessionStore, SessionsExt,
};
use mainstay_store::redis::{ENCRYPTED_SCHEME, Redis, RedisAddress, RedisScript, SCHEME};
use mainstay_store::{StoreConfig, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

static LOAD: LazyLock<RedisScript> =
    LazyLock::new(|| RedisScript::new(include_str!("redis_sessions/load.lua")));
static SAVE: LazyLock<RedisScript> =
    LazyLock::new(|| RedisScript::new(include_str!("redis_sessions/save.lua")));
static REMOVE: LazyLock<RedisScript> =
    LazyLock::new(|| RedisScript::new(include_str!("redis_sessions/remove.lua")));
static LIST: LazyLock<RedisScript> =
    LazyLock::new(|| RedisScript::new(include_str!("redis_sessions/list.lua")));

/// A contribution: sessions are on a Redis server.
struct OnRedis;

impl Contribution for OnRedis {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Lets sessions be on a Redis server. In the prelude.
pub trait RedisSessionsExt: Contribute {
    /// Handlers may take a [`Session`](mainstay_http::Session), and sessions are on the Redis server that `session.store` names:
    /// `redis`, the one of `store.url`, which is meant where nothing is said; or `redis://…`, `rediss://…`, one of their own.
    #[must_use]
    fn redis_sessions(self) -> Self {
        self.contribute(OnRedis)
    }
}

impl<C: Contribute> RedisSessionsExt for C {}

/// | id | what |
/// |---|---|
/// | `auth.E060` | sessions are on a Redis server, and there is no address of one |
/// | `auth.W060` | what goes to the Redis server of `session.store`, and the password for it, can be read on its way |
fn module() -> Module {
    Module::new("redis sessions")
        .global()
        .import(mainstay_store::module::module())
        .sessions()
        .contribute(SessionDriver::new(ENCRYPTED_SCHEME, open))
        // The last one, so that it is meant where nothing is said.
        .contribute(SessionDriver::new(SCHEME, open))
        .check(Check::at_start(find_address))
        .check(Check::at_deploy(find_exposed))
}

async fn open(url: String, resolver: Resolver) -> Result<Arc<dyn SessionStore>> {
    let redis = if is_shared(Some(&url)) {
        Redis::clone(&*resolver.get::<Redis>().await?)
    } else {
        let address = url.parse().map_err(|why| Error::internal(format!("`session.store`: {why}")))?;
        mainstay_store::redis::open(&address, "session.store", &resolver).await?
    };
    let (clock, random) = (resolver.get::<dyn Clock>().await?, resolver.get::<dyn Random>().await?);
    Ok(Arc::new(InRedis { redis, clock, random }))
}

/// Whether sessions are on the server of `store.url`.
fn is_shared(store: Option<&str>) -> bool {
    store.is_none_or(|url| url.is_empty() || url.trim_end_matches(':') == SCHEME)
}

fn find_address(assembly: &Assembly, findings: &mut Findings) {
    let Ok(sessions) = assembly.config.section::<SessionConfig>() else { return };
    let url = sessions.store.as_deref();
    let (place, address) = if is_shared(url) {
        let chosen =
            SessionDriver::all(&assembly.contributions).last().is_some_and(|last| last.scheme() == SCHEME);
        if url.is_none() && !chosen {
            return;
        }
        let Ok(store) = assembly.config.section::<StoreConfig>() else { return };
        ("store.url", store.url.clone())
    } else {
        match url.filter(|url| [SCHEME, ENCRYPTED_SCHEME].contains(&scheme_of(url))) {
            Some(url) => ("session.store", url.to_owned()),
            None => return,
        }
    };
    if let Err(why) = address.parse::<RedisAddress>() {
        let told = format!("sessions are on the Redis server of `{place}`, which names none: {why}");
        let fix = format!("set `{place}` to its address, such as redis://host:6379/0");
        findings.add(Finding::error("auth.E060", told).at(place).fix(fix));
    }
}

/// That of `store.url` is looked at where it belongs.
fn find_exposed(assembly: &Assembly, findings: &mut Findings) {
    let Ok(sessions) = assembly.config.section::<SessionConfig>() else { return };
    let address = sessions.store.as_deref().and_then(|url| url.parse::<RedisAddress>().ok());
    findings.extend(address.and_then(|address| address.exposed("auth.W060", "session.store")));
}

/// The store over a server.
struct InRedis {
    redis: Redis,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
}

/// A record, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    data: Map<String, Value>,
    owner: Option<String>,
    created_at: u64,
    seen_at: u64,
    expires_at: u64,
    is_remembered: bool,
    address: Option<IpAddr>,
    agent: Option<String>,
    revision: u64,
}

/// Milliseconds since 1970.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn at(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

impl Kept {
    fn of(record: &SessionRecord) -> Self {
        Self {
            data: record.data.clone(),
            owner: record.owner.clone(),
            created_at: millis(record.created_at),
            seen_at: millis(record.seen_at),
            expires_at: millis(record.expires_at),
            is_remembered: record.is_remembered,
            address: record.address,
            agent: record.agent.clone(),
            revision: record.revision,
        }
    }

    fn into_record(self) -> SessionRecord {
        SessionRecord {
            data: self.data,
            owner: self.owner,
            created_at: at(self.created_at),
            seen_at: at(self.seen_at),
            expires_at: at(self.expires_at),
            is_remembered: self.is_remembered,
            address: self.address,
            agent: self.agent,
            revision: self.revision,
        }
    }
}

impl InRedis {
    fn key(&self, key: &SessionKey) -> String {
        self.redis.key("session", key.as_str())
    }

    fn now(&self) -> String {
        millis(self.clock.now()).to_string()
    }

    async fn find(&self, key: &SessionKey) -> Result<Option<SessionRecord>> {
        let found: Option<Vec<u8>> =
            self.redis.run(&LOAD, &[self.key(key)], &[self.now().as_bytes()]).await.map_err(unavailable)?;
        found.map(|text| read(&text)).transpose()
    }

    async fn keep(&self, key: &SessionKey, record: &SessionRecord) -> Result<bool> {
        let text = serde_json::to_vec(&Kept::of(record))?;
        let (now, ends) = (millis(self.clock.now()), millis(record.expires_at));
        let owner =
            record.owner.as_ref().map(|owner| self.redis.key("sessions-of", owner)).unwrap_or_default();
        let numbers =
            [now, ends, ends.saturating_sub(now), record.revision, record.revision.saturating_sub(1)];
        let numbers = numbers.map(|number| number.to_string());
        // A call that is sent again, since its answer was lost, is known by this as the one that was there already.
        let call = self.random.hex(8);
        let mut arguments: Vec<&[u8]> = numbers.iter().map(String::as_bytes).collect();
        arguments.extend([key.as_str().as_bytes(), owner.as_bytes(), call.as_bytes(), &*text]);
        let kept: u64 = self.redis.run(&SAVE, &[self.key(key)], &arguments).await.map_err(unavailable)?;
        Ok(kept == 1)
    }

    async fn drop_one(&self, key: &SessionKey) -> Result<()> {
        let _gone: u64 = self
            .redis
            .run(&REMOVE, &[self.key(key)], &[key.as_str().as_bytes()])
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    async fn list(&self, owner: &str) -> Result<Vec<(SessionKey, SessionRecord)>> {
        let (keys, prefix, now) =
            ([self.redis.key("sessions-of", owner)], self.redis.key("session", ""), self.now());
        let found: Vec<(String, Vec<u8>)> =
            self.redis.run(&LIST, &keys, &[prefix.as_bytes(), now.as_bytes()]).await.map_err(unavailable)?;
        let read = |(key, text): (String, Vec<u8>)| Ok((SessionKey::from_text(key), read(&text)?));
        let mut sessions = found.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        sessions.sort_by_key(|(_, record)| std::cmp::Reverse(record.seen_at));
        Ok(sessions)
    }
}

fn read(text: &[u8]) -> Result<SessionRecord> {
    let kept: Kept = serde_json::from_slice(text)
        .map_err(|why| Error::internal("what Redis has under the key of a session is none").caused_by(why))?;
    Ok(kept.into_record())
}

#[track_caller]
fn unavailable(error: StoreError) -> Error {
    Error::unavailable("Sessions are out of reach.").code("sessions_unavailable").caused_by(error)
}

impl SessionStore for InRedis {
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<SessionRecord>>> {
        self.find(key).boxed()
    }

    fn save<'a>(&'a self, key: &'a SessionKey, record: &'a SessionRecord) -> BoxFuture<'a, Result<bool>> {
        self.keep(key, record).boxed()
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>> {
        self.drop_one(key).boxed()
    }

    fn of_owner<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<Vec<(SessionKey, SessionRecord)>>> {
        self.list(owner).boxed()
    }
}
