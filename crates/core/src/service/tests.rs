//! The engine, driven on tokio's paused clock: minutes of back-off take no time, and every delay is exact.

mod random;
mod restarting;
mod starting;
mod stopping;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::*;
use crate::error::{Error, Result};

/// What the children did, in order: `+a` started, `-a` stopped when asked.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// Everything noted since the last look, as one line.
    fn read(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }

    /// A child that runs until it is asked to stop.
    fn child(&self, name: &str) -> Child {
        self.breakable(name).0
    }

    /// The same, and what makes it fail.
    fn breakable(&self, name: &str) -> (Child, Fault) {
        let (diary, name, fault) = (self.clone(), name.to_owned(), Fault::default());
        let trips = fault.clone();
        let child = Child::new(name.clone(), move |running| {
            let (diary, name, fault) = (diary.clone(), name.clone(), trips.clone());
            async move {
                diary.note(format!("+{name}"));
                running.ready();
                tokio::select! {
                    () = running.shutdown().requested() => diary.note(format!("-{name}")),
                    () = fault.panic.notified() => panic!("{name} is upset"),
                    () = fault.error.notified() => return Err(Error::internal(format!("{name} broke"))),
                    () = fault.finish.notified() => {}
                }
                Ok(())
            }
        });
        (child, fault)
    }
}

/// Ends a running child, one way or another.
#[derive(Clone, Default)]
struct Fault {
    error: Arc<Notify>,
    panic: Arc<Notify>,
    finish: Arc<Notify>,
}

/// A child that fails `failures` times, each a millisecond after it became ready, and then runs.
fn shaky(name: &str, failures: usize) -> Child {
    let left = Arc::new(Mutex::new(failures));
    Child::new(name, move |running| {
        let left = left.clone();
        async move {
            running.ready();
            if *left.lock().unwrap() > 0 {
                pass(MILLISECOND).await;
                *left.lock().unwrap() -= 1;
                return Err(Error::internal("not yet"));
            }
            running.shutdown().requested().await;
            Ok(())
        }
    })
}

/// Back-off without chance, so that times are exact.
fn exact() -> Backoff {
    Backoff { jitter: 0.0, ..Backoff::default() }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn state(supervision: &Supervision, child: usize) -> State {
    supervision.status().children[child].state
}
