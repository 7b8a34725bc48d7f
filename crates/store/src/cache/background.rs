//! What is made anew beside those who ask.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use mainstay_core::service::Running;
use mainstay_core::{Inject, Result};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::Cache;

/// So many values wait to be made anew. Where there are more, the next one who asks tries again.
const WAITING: usize = 64;
/// So many are made anew at once.
const AT_ONCE: usize = 8;
/// So long may one take.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

type Work = BoxFuture<'static, ()>;

/// Makes values anew, as many at once as are good for what they are made from.
#[derive(Debug)]
pub(crate) struct Background {
    works: mpsc::Sender<Work>,
    waiting: Mutex<mpsc::Receiver<Work>>,
    is_running: AtomicBool,
}

impl Background {
    pub(crate) fn new() -> Self {
        let (works, waiting) = mpsc::channel(WAITING);
        Self { works, waiting: Mutex::new(waiting), is_running: AtomicBool::new(false) }
    }

    /// Whether somebody does what is handed over. Nobody does in a command, and before an application has started.
    pub(super) fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Acquire)
    }

    /// Has something done. False: too much waits, so that it is not done this time.
    pub(super) fn hand_over(&self, work: Work) -> bool {
        self.works.try_send(work).is_ok()
    }
}

impl Cache {
    /// Has something made anew beside those who ask, such as what [`turn`](Cache::turn) gives a turn to make: 8 at once, each within a
    /// minute. False: it is not done, since too much waits, or nobody does it, as in commands. What is dropped then is the turn of the
    /// next one who asks.
    pub fn make_in_background(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let at_work = self.background.as_ref().filter(|background| background.is_running());
        at_work.is_some_and(|background| background.hand_over(Box::pin(work)))
    }
}

/// Says that nobody does it any more, however the service ended.
struct AtWork<'a>(&'a AtomicBool);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The service that makes values anew.
pub(crate) async fn run(running: Running, background: Inject<Background>) -> Result<()> {
    let mut waiting = background.waiting.lock().await;
    let mut tasks = JoinSet::new();
    background.is_running.store(true, Ordering::Release);
    let at_work = AtWork(&background.is_running);
    running.ready();
    loop {
        tokio::select! {
            () = running.shutdown().requested() => break,
            Some(work) = waiting.recv(), if tasks.len() < AT_ONCE => {
                tasks.spawn(tokio::time::timeout(LONGEST, work));
            }
            // One that panics, or takes too long, is made by somebody else.
            Some(_) = tasks.join_next() => {}
        }
    }
    drop(at_work);
    // Those that wait hold what they wait in.
    while waiting.try_recv().is_ok() {}
    Ok(())
}
