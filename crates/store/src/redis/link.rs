//! One connection that all share, made again when it is lost.
//!
//! Whoever needs it while it is being made waits for the same attempt. After an attempt that failed, or a command that was not
//! answered in time, nobody tries for a moment: what asks meanwhile is refused at once, so that a server that is gone costs
//! an application no time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::time::Instant;

/// For how long nobody tries again.
const PAUSE: Duration = Duration::from_millis(250);

type Attempt = Shared<BoxFuture<'static, Result<MultiplexedConnection, RedisError>>>;

pub(super) struct Link {
    client: Client,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts attempts: whoever has seen one fail must not end a later one.
    number: u64,
    attempt: Option<Attempt>,
    /// Why the last one failed, and until when nobody tries again.
    failed: Option<(RedisError, Instant)>,
}

/// A connection, and the attempt that it came from.
pub(super) struct Lent {
    pub(super) connection: MultiplexedConnection,
    number: u64,
}

impl Link {
    pub(super) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout, state: Mutex::default() }
    }

    pub(super) async fn lend(&self) -> Result<Lent, RedisError> {
        let (attempt, number) = self.attempt()?;
        match attempt.await {
            Ok(connection) => Ok(Lent { connection, number }),
            Err(error) => {
                self.fail(number, &error);
                Err(error)
            }
        }
    }

    /// The connection was lost: the next one who needs it makes it again, at once.
    pub(super) fn lost(&self, lent: &Lent) {
        let mut state = self.state();
        if state.number == lent.number {
            state.attempt = None;
        }
    }

    /// The server has not answered in time.
    pub(super) fn silent(&self, lent: Option<&Lent>, error: &RedisError) {
        let number = lent.map_or_else(|| self.state().number, |lent| lent.number);
        self.fail(number, error);
    }

    fn fail(&self, number: u64, error: &RedisError) {
        let mut state = self.state();
        if state.number == number && state.attempt.take().is_some() {
            state.failed = Some((error.clone(), Instant::now() + PAUSE));
        }
    }

    fn attempt(&self) -> Result<(Attempt, u64), RedisError> {
        let mut state = self.state();
        if let Some(attempt) = &state.attempt {
            return Ok((attempt.clone(), state.number));
        }
        if let Some((error, until)) = &state.failed
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let (client, timeout) = (self.client.clone(), self.timeout);
        let connect = async move {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(timeout))
                .set_response_timeout(Some(timeout));
            client.get_multiplexed_async_connection_with_config(&config).await
        };
        let attempt = connect.boxed().shared();
        state.number += 1;
        state.failed = None;
        state.attempt = Some(attempt.clone());
        Ok((attempt, state.number))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
