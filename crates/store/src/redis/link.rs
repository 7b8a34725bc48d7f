//! One connection that all share, made again when it is lost.
//!
//! Whoever needs it while it is being made waits for the same attempt. After an attempt that failed, or a command that was not
//! answered in time, nobody tries for a moment: what asks meanwhile is refused at once, so that a server that is gone costs
//! an application no time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;

use super::address::RedisAddress;
use super::connection::Connection;
use super::fault::Fault;

/// For how long nobody tries again.
const PAUSE: Duration = Duration::from_millis(250);

type Attempt = Shared<BoxFuture<'static, Result<Arc<Connection>, Fault>>>;

pub(super) struct Link {
    address: RedisAddress,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts attempts: whoever has seen one fail must not end a later one.
    number: u64,
    attempt: Option<Attempt>,
    /// Why the last one failed, and until when nobody tries again.
    failed: Option<(Fault, Instant)>,
}

/// A connection, and the attempt that it came from.
pub(super) struct Lent {
    pub(super) connection: Arc<Connection>,
    number: u64,
}

impl Link {
    pub(super) fn new(address: RedisAddress, timeout: Duration) -> Self {
        Self { address, timeout, state: Mutex::default() }
    }

    pub(super) async fn lend(&self) -> Result<Lent, Fault> {
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
    pub(super) fn silent(&self, lent: Option<&Lent>, error: &Fault) {
        let number = lent.map_or_else(|| self.state().number, |lent| lent.number);
        self.fail(number, error);
    }

    fn fail(&self, number: u64, error: &Fault) {
        let mut state = self.state();
        if state.number == number && state.attempt.take().is_some() {
            state.failed = Some((error.clone(), Instant::now() + PAUSE));
        }
    }

    fn attempt(&self) -> Result<(Attempt, u64), Fault> {
        let mut state = self.state();
        if let Some(attempt) = &state.attempt {
            return Ok((attempt.clone(), state.number));
        }
        if let Some((error, until)) = &state.failed
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        let (address, timeout) = (self.address.clone(), self.timeout);
        let connect = async move { Connection::open(&address, timeout).await.map(Arc::new) };
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
