//! A statement on a shared connection, from being sent to being answered: also when nobody waits for it any more.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::connection::Connection;
use super::pool::Lease;
use crate::driver::StatementKind;

/// How long what nobody waits for may go on before it is stopped. Most of it ends by itself in that time, and stopping it
/// takes a connection of its own.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// How much longer than a statement may run the server may keep silent.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Keeps a place on a connection until the statement is answered.
pub(super) struct UnderWay {
    lease: Option<Lease>,
    kind: StatementKind,
}

impl UnderWay {
    pub(super) fn new(lease: Lease, kind: StatementKind) -> Self {
        Self { lease: Some(lease), kind }
    }

    /// The reply is there: somebody else may have the place.
    pub(super) fn answered(mut self) {
        self.lease = None;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(let_end(lease, self.kind));
        }
    }
}

/// Waits for the answer in the place of whoever has gone. A read is stopped, when that cannot hit anybody else's statement.
async fn let_end(lease: Lease, kind: StatementKind) {
    let connection: &Connection = &lease.connection;
    let mut settled = pin!(connection.settle());
    if timeout(PATIENCE, &mut settled).await.is_ok() {
        return;
    }
    if kind == StatementKind::Read && lease.isolate() {
        connection.cancel().await;
    }
    // When the server does not answer, the pool gives the connection up, and this ends.
    let _ = settled.await;
}
