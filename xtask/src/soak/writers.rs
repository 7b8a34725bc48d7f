//! Clients that write until the server is gone, and remember what they were told.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use crate::{http::Connection, outcome::Result, soak::client};

/// How many write at the same time.
const WRITERS: usize = 8;

pub(super) struct Writers {
    threads: Vec<JoinHandle<Written>>,
    enough: Arc<AtomicBool>,
}

/// What became of the writes, by title.
#[derive(Default)]
pub(super) struct Written {
    /// The server said that it has them.
    pub(super) answered: BTreeSet<String>,
    /// They were sent, and no whole answer came.
    pub(super) unanswered: BTreeSet<String>,
    /// How many were answered with an error.
    pub(super) refused: usize,
}

/// As whom a writer writes, and how its titles begin.
struct Author {
    token: String,
    label: String,
}

impl Writers {
    pub(super) fn start(port: u16, token: &str, label: &str) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let threads = (0..WRITERS).map(|number| {
            let author = Author { token: token.to_owned(), label: format!("{label} writer {number}") };
            let enough = Arc::clone(&enough);
            std::thread::spawn(move || keep_writing(port, &author, &enough))
        });
        Self { threads: threads.collect(), enough }
    }

    /// Ends them, and adds up what they know.
    pub(super) fn finish(self) -> Written {
        self.enough.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        for written in self.threads.into_iter().filter_map(|thread| thread.join().ok()) {
            all.answered.extend(written.answered);
            all.unanswered.extend(written.unanswered);
            all.refused += written.refused;
        }
        all
    }
}

fn keep_writing(port: u16, author: &Author, enough: &AtomicBool) -> Written {
    let mut written = Written::default();
    let mut number = 0;
    while !enough.load(Ordering::Relaxed) {
        // A connection that is refused or closed is no failed request: nothing was sent on it.
        let Ok(connection) = Connection::open(port, client::DEADLINE) else { break };
        let _closed = keep_writing_on(connection, author, &mut number, enough, &mut written);
    }
    written
}

fn keep_writing_on(
    mut connection: Connection,
    author: &Author,
    number: &mut u64,
    enough: &AtomicBool,
    written: &mut Written,
) -> Result<()> {
    while !enough.load(Ordering::Relaxed) {
        *number += 1;
        let title = format!("{} number {number}", author.label);
        match client::write(&mut connection, &author.token, &title) {
            Ok(answer) if (200..300).contains(&answer.status) => drop(written.answered.insert(title)),
            Ok(_) => written.refused += 1,
            Err(closed) => {
                written.unanswered.insert(title);
                return Err(closed);
            }
        }
    }
    Ok(())
}
