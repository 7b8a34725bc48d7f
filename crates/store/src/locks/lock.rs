//! A lock that is held.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mainstay_core::metrics::Held as Counted;
use mainstay_core::{Error, Result};
use tokio::sync::{oneshot, watch};

use super::hold::Renewal;
use super::{Locks, Wanted, unavailable};
use crate::driver::StoreError;

/// A lock that is held, until it is given back by [`release`](Lock::release), dropped, or lost.
///
/// It is lost where it could not be prolonged in time: this process was paused, the engine was out of reach, or has forgotten it.
/// From then on somebody else may hold it. [`is_held`](Lock::is_held) and [`lost`](Lock::lost) tell, by the clock of this process,
/// which counts from before the engine was asked; between the question and what is done then, it may still end. What must not
/// happen twice in any case asks for the [`token`](Lock::token).
#[must_use = "a lock that is dropped is given back"]
pub struct Lock {
    held: Arc<Held>,
    lost: watch::Receiver<bool>,
    /// Answered, or dropped: either gives the lock back.
    give_back: Option<oneshot::Sender<Answer>>,
}

type Answer = oneshot::Sender<Result<bool, StoreError>>;

/// What the lock and its keeper share.
struct Held {
    locks: Locks,
    wanted: Wanted,
    token: u64,
    /// Until when it is held for certain.
    until: Mutex<Instant>,
}

/// A renewal that has failed is tried again after so long, or sooner where the lock is short.
const TRY_AGAIN: Duration = Duration::from_millis(500);

impl Lock {
    pub(super) fn new(locks: Locks, wanted: Wanted, (token, asked): (u64, Instant)) -> Self {
        let until = Mutex::new(asked + wanted.hold.lifetime());
        let held = Arc::new(Held { locks, wanted, token, until });
        let (told, lost) = watch::channel(false);
        let (give_back, asked) = oneshot::channel();
        let counted = held.locks.0.meters.held.hold();
        // It ends with the lock: whose end it waits for.
        tokio::spawn(keep(Arc::clone(&held), (told, asked), counted));
        Self { held, lost, give_back: Some(give_back) }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.held.wanted.name
    }

    /// A number that is larger than that of everybody who held this lock before, and below 2^53. Whatever must not be done by
    /// somebody who has lost the lock without knowing keeps the largest that it has seen, and refuses smaller ones.
    pub fn token(&self) -> u64 {
        self.held.token
    }

    /// Whether it is still held, as far as this process knows.
    pub fn is_held(&self) -> bool {
        // Without a keeper nobody prolongs it.
        !*self.lost.borrow() && self.lost.has_changed().is_ok() && self.held.is_in_time()
    }

    /// Waits until it is lost. Cancel safe.
    pub async fn lost(&self) {
        // Without a keeper it is.
        let _ = self.lost.clone().wait_for(|lost| *lost).await;
    }

    /// Does some work, and drops it in its midst when the lock is lost.
    ///
    /// # Errors
    ///
    /// When the lock is lost before the work is done: 503, `lock_lost`.
    pub async fn while_held<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.lost() => Err(lost(self.name())),
            done = work => if self.is_held() { Ok(done) } else { Err(lost(self.name())) },
        }
    }

    /// Prolongs it now, to its whole time. False: it is lost.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked: it is held as long as it was before. 503, `locks_unavailable`.
    pub async fn renew(&self) -> Result<bool> {
        if *self.lost.borrow() {
            return Ok(false);
        }
        self.held.renew().await.map_err(unavailable)
    }

    /// Gives it back. False: it was lost before, so that somebody else may have had it meanwhile.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked: it ends when its time is over. 503, `locks_unavailable`.
    pub async fn release(mut self) -> Result<bool> {
        let was_lost = !self.is_held();
        let (answer, answered) = oneshot::channel();
        let Some(ask) = self.give_back.take() else { return Ok(false) };
        self.held.leaves();
        if ask.send(answer).is_err() {
            return Ok(false);
        }
        match answered.await {
            Ok(outcome) => outcome.map(|was_held| was_held && !was_lost).map_err(unavailable),
            Err(_) => Ok(false),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.give_back.is_some() {
            self.held.leaves();
        }
    }
}

#[track_caller]
fn lost(name: &str) -> Error {
    let told =
        Error::unavailable("What was being done here has been given to somebody else.").code("lock_lost");
    told.context(format!("the lock `{name}` was lost"))
}

impl Held {
    /// It is to be given back, which an application that stops waits for.
    fn leaves(&self) {
        self.locks.0.leaving.send_modify(|count| *count += 1);
    }

    fn until(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_in_time(&self) -> bool {
        self.locks.now() < self.until()
    }

    fn left(&self) -> Duration {
        self.until().saturating_duration_since(self.locks.now())
    }

    async fn renew(&self) -> Result<bool, StoreError> {
        let asked = self.locks.now();
        let is_held = self.locks.0.driver.renew(self.wanted.as_claim()).await?;
        if is_held {
            let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
            *until = (asked + self.wanted.hold.lifetime()).max(*until);
        }
        Ok(is_held)
    }

    /// How long to wait until it is prolonged, or over.
    fn pause(&self, has_failed: bool) -> Duration {
        let lifetime = self.wanted.hold.lifetime();
        let pause = match self.wanted.hold.renewal() {
            Renewal::ByHand => self.left(),
            Renewal::InBackground if has_failed => TRY_AGAIN.min(lifetime / 6).min(self.left()),
            Renewal::InBackground => (lifetime / 3).min(self.left()),
        };
        pause.max(Duration::from_millis(1))
    }
}

/// Prolongs a lock, tells when it is lost, and gives it back in the end.
async fn keep(
    held: Arc<Held>,
    (told, mut asked): (watch::Sender<bool>, oneshot::Receiver<Answer>),
    _counted: Counted,
) {
    let mut has_failed = false;
    let answer = loop {
        tokio::select! {
            answer = &mut asked => break answer,
            () = tokio::time::sleep(held.pause(has_failed)), if !*told.borrow() => {}
        }
        has_failed = false;
        let is_held = match held.wanted.hold.renewal() {
            Renewal::ByHand => held.is_in_time(),
            Renewal::InBackground => match tokio::time::timeout(held.left(), held.renew()).await {
                Ok(Ok(is_held)) => is_held,
                Err(_) => held.is_in_time(),
                Ok(Err(error)) => {
                    has_failed = true;
                    let name = &*held.wanted.name;
                    tracing::warn!(target: "mainstay::store", lock = name, %error, "a lock could not be prolonged");
                    held.is_in_time()
                }
            },
        };
        if !is_held {
            held.locks.0.meters.lost.inc();
            let name = &*held.wanted.name;
            tracing::warn!(target: "mainstay::store", lock = name, token = held.token, "a lock was lost");
            told.send_replace(true);
        }
    };
    let released = held.locks.0.driver.release(held.wanted.as_claim()).await;
    held.locks.0.leaving.send_modify(|count| *count = count.saturating_sub(1));
    match answer {
        // Who does not wait for it may be gone.
        Ok(answer) => drop(answer.send(released)),
        Err(_) => {
            if let Err(error) = released {
                let name = &*held.wanted.name;
                tracing::warn!(target: "mainstay::store", lock = name, %error, "a lock could not be given back: it ends by itself");
            }
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("name", &self.name())
            .field("token", &self.token())
            .field("is_held", &self.is_held())
            .finish_non_exhaustive()
    }
}
