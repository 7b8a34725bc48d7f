//! A Redis server: one connection that all parts of an application share.
//!
//! - `address`: where it is.
//! - `script`: Lua, which the server runs in one step.
//! - `connection`: one connection, over TCP, and over TLS where the address says so; `tls`: whom it trusts.
//! - `link`: the connection that all share, and how it comes back.
//! - `fault`: why there is no answer.
//! - `open`: what an application says about it.
//! - this file: [`Redis`], by which scripts are run: with a deadline, and not too many at once.
//!
//! Whose time counts? Processes have clocks of their own, and two that count for one limit must agree, so it is the server's.
//! In tests it is that of the application, which a test moves.

mod address;
mod connection;
mod fault;
mod link;
mod open;
mod script;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_core::clock::Clock;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisError};
use tokio::sync::Semaphore;

pub use self::address::{ENCRYPTED_SCHEME, NotAnAddress, RedisAddress, SCHEME};
use self::fault::Fault;
use self::link::Link;
pub(crate) use self::open::find_exposed;
pub use self::open::open;
pub use self::script::RedisScript;
use crate::driver::StoreError;

/// A server. Cheap to clone; all clones share a connection, which is made when it is first needed and made again when it is lost.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    link: Link,
    place: String,
    prefix: String,
    timeout: Duration,
    turns: Semaphore,
    clock: Option<Arc<dyn Clock>>,
}

/// How to use a server.
#[derive(Clone)]
pub struct RedisOptions {
    /// What every key begins with, before a colon: applications that share a server are told apart by it.
    pub prefix: String,
    /// How long an answer may take, with all that comes before it: a connection, and the turn of others.
    pub timeout: Duration,
    /// Whose time counts instead of the server's: for tests, which move it.
    pub clock: Option<Arc<dyn Clock>>,
}

/// So many commands are under way at once. Others wait for their turn, within their deadline.
const AT_ONCE: usize = 1024;
/// With a clock that stands still while real time goes on, what is kept must not be gone before that clock says so.
const SLACK: Duration = Duration::from_secs(60 * 60);

impl Redis {
    /// The server at this address. Nothing is asked yet.
    pub fn new(address: &RedisAddress, options: RedisOptions) -> Self {
        Self(Arc::new(Inner {
            link: Link::new(address.clone(), options.timeout),
            place: address.place().to_owned(),
            prefix: options.prefix,
            timeout: options.timeout,
            turns: Semaphore::new(AT_ONCE),
            clock: options.clock,
        }))
    }

    /// Where it is, without a password.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// The full name of a key: that of the application, what kind it is, and what it is called.
    pub fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.0.prefix)
    }

    /// Runs a script with these keys and arguments.
    ///
    /// Where the connection is lost on the way, it is run once more on a new one: what the server has done without having said so
    /// is done twice.
    ///
    /// # Errors
    ///
    /// When the server is not there, does not answer in time, is full, or refuses.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &RedisScript,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> Result<T, StoreError> {
        let (at_s, at_n, slack) = self.time();
        let mut call = script.0.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        call.arg(at_s).arg(at_n).arg(slack);
        for argument in arguments {
            call.arg(*argument);
        }
        let call = &call;
        let answer = self.in_time(|mut connection| async move { call.invoke_async(&mut connection).await });
        answer.await.map_err(|why| self.fault(why))
    }

    fn fault(&self, why: Fault) -> StoreError {
        match why {
            Fault::Redis(why) if why.code() == Some("OOM") => {
                StoreError::Full { place: self.place().to_owned(), why: why.into() }
            }
            why => StoreError::out_of_reach(self.place(), why),
        }
    }

    /// Asks whether it is there and lets this application in.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pong().await.map_err(|why| StoreError::out_of_reach(self.place(), why))
    }

    /// How the server chooses what it drops for want of room, such as `volatile-lru`; none if it drops nothing. Locks are not for one
    /// that does (`store.W002`).
    ///
    /// # Errors
    ///
    /// When it is not there, or does not say.
    pub async fn evicts(&self) -> Result<Option<String>, StoreError> {
        let ask = |mut connection| async move {
            redis::cmd("INFO").arg("memory").query_async::<String>(&mut connection).await
        };
        let told = self.in_time(ask).await.map_err(|why| self.fault(why))?;
        let of = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let is_bounded = of("maxmemory:").is_some_and(|bytes| bytes != "0");
        Ok(of("maxmemory_policy:").filter(|policy| is_bounded && *policy != "noeviction").map(str::to_owned))
    }

    async fn pong(&self) -> Result<(), Fault> {
        self.in_time(|mut connection| async move { redis::cmd("PING").query_async(&mut connection).await })
            .await
    }

    /// Asks something, within the deadline, and once more where the connection was lost.
    async fn in_time<T, F>(&self, ask: impl Fn(MultiplexedConnection) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let deadline = tokio::time::Instant::now() + self.0.timeout;
        let _turn = match tokio::time::timeout_at(deadline, self.0.turns.acquire()).await {
            Ok(turn) => turn,
            // Not the fault of the connection: others are before this one.
            Err(_) => return Err(Fault::TooLate),
        };
        let mut tries = 0;
        loop {
            let lent = match tokio::time::timeout_at(deadline, self.0.link.lend()).await {
                Ok(lent) => lent?,
                Err(_) => {
                    let fault = Fault::TooLate;
                    self.0.link.silent(None, &fault);
                    return Err(fault);
                }
            };
            tries += 1;
            let asked = tokio::time::timeout_at(deadline, ask(lent.connection.shared())).await;
            let fault = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Fault::Redis(error),
                Err(_) => Fault::TooLate,
            };
            if fault.is_silence() {
                self.0.link.silent(Some(&lent), &fault);
                return Err(fault);
            }
            if !fault.is_loss() {
                return Err(fault);
            }
            self.0.link.lost(&lent);
            if tries > 1 {
                return Err(fault);
            }
        }
    }

    /// The time that counts, in seconds and nanoseconds, both empty where it is the server's; and how many milliseconds longer
    /// than that something is kept.
    fn time(&self) -> (String, String, u128) {
        let Some(clock) = &self.0.clock else { return (String::new(), String::new(), 0) };
        let now = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (now.as_secs().to_string(), now.subsec_nanos().to_string(), SLACK.as_millis())
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("place", &self.0.place).field("prefix", &self.0.prefix).finish()
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
