//! Hearing others.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::board::Board;
use super::message;
use crate::driver::Ear;
use crate::error::DbError;

/// The first pause after the line was lost, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Hears others until the database is closed.
pub(super) async fn listen(board: Weak<Board>) {
    let mut pause = PAUSES.0;
    loop {
        let Some(hearing) = hearing(&board) else { return };
        let outcome = hearing.await;
        let Some(board) = board.upgrade() else { return };
        let heard = board.hears_others();
        board.set_hears_others(false);
        let why = match outcome {
            Err(DbError::Closed) => return,
            Err(fault) => fault.to_string(),
            Ok(()) => "its connection has ended".to_owned(),
        };
        if heard {
            pause = PAUSES.0;
            tracing::warn!(target: "mainstay::db", error = why, "signals of other processes are not heard until the line is there again");
        } else {
            tracing::debug!(target: "mainstay::db", error = why, "another attempt to hear other processes follows");
        }
        drop(board);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// What hears others, if the driver can and is still there. It keeps neither the driver nor the board.
fn hearing(board: &Weak<Board>) -> Option<impl Future<Output = Result<(), DbError>> + use<>> {
    let upgraded = board.upgrade()?;
    let own = upgraded.post()?.sender().to_owned();
    upgraded.driver()?.listen(Arc::new(OurEar { board: Weak::clone(board), own }))
}

struct OurEar {
    board: Weak<Board>,
    own: String,
}

impl Ear for OurEar {
    fn begins(&self) {
        if let Some(board) = self.board.upgrade() {
            board.set_hears_others(true);
        }
    }

    fn hears(&self, message: &str) {
        if let Some(board) = self.board.upgrade()
            && let Some(topics) = message::read(message, &self.own)
        {
            board.heard(&topics);
        }
    }
}
