//! A statement on a shared connection: who waits for its answer, and what becomes of it when nobody does any more.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::timeout;

use super::pool::Lease;
use crate::driver::StatementKind;

/// How long what nobody waits for may go on before it is stopped. Most of it ends by itself in that time, and stopping it
/// takes a connection of its own.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// How much longer than a statement may run the server may keep silent.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Whoever waits for an answer. The place on the connection is the statement's, and free when it is answered.
pub(super) struct UnderWay {
    lease: Weak<Lease>,
    kind: StatementKind,
}

impl UnderWay {
    pub(super) fn new(lease: &Arc<Lease>, kind: StatementKind) -> Self {
        Self { lease: Arc::downgrade(lease), kind }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // What writes runs to its end.
        if self.kind == StatementKind::Read
            && let Some(lease) = self.lease.upgrade()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(stop(lease));
        }
    }
}

/// Stops a read that nobody waits for, when that cannot hit anybody else's statement.
async fn stop(lease: Arc<Lease>) {
    let connection = &lease.connection;
    let mut settled = pin!(connection.settle());
    if timeout(PATIENCE, &mut settled).await.is_ok() {
        return;
    }
    if lease.isolate() {
        connection.cancel().await;
    }
    // Nobody else gets the place before the answer is there. When the server keeps silent, the pool gives the connection up.
    let _answer = settled.await;
}
