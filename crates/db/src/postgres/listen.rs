//! Hearing what other processes signal: a connection that listens, and does nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::connector::{Connector, Hearer};
use super::failure::explain_opening;
use crate::driver::Ear;
use crate::error::DbError;

/// How often the server is asked whether it is still there: a line that is cut in silence looks like one on which nobody speaks.
const ROUND: Duration = Duration::from_secs(15);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens until the connection is lost, or the driver is closed or dropped.
pub(super) async fn listen(
    connector: Arc<Connector>,
    ear: Arc<dyn Ear>,
    mut open: watch::Receiver<bool>,
) -> Result<(), DbError> {
    tokio::select! {
        outcome = hear(&connector, ear) => outcome,
        // The driver's end of it goes with the driver.
        _ = open.wait_for(|open| !open) => Err(DbError::Closed),
    }
}

async fn hear(connector: &Connector, ear: Arc<dyn Ear>) -> Result<(), DbError> {
    let (until, mut ended) = oneshot::channel();
    let hearer = Hearer { ear: Arc::clone(&ear), _ended: until };
    let silent = |_| DbError::Unavailable {
        detail: format!("`{}` did not answer within {PATIENCE:?}", connector.location()),
    };
    let opening = timeout(PATIENCE, connector.open_for(Some(hearer))).await.map_err(silent)?;
    let connection = opening.map_err(|fault| explain_opening(&fault, connector.location()))?;
    let limit = connection.statement_timeout();
    let sql = "LISTEN mainstay";
    let listening = timeout(PATIENCE, connection.script(sql)).await.map_err(silent)?;
    listening.map_err(|failure| failure.explain(sql, limit))?;
    ear.begins();
    loop {
        tokio::select! {
            _ = &mut ended => return Ok(()),
            () = sleep(ROUND) => {}
        }
        if !matches!(timeout(PATIENCE, connection.settle()).await, Ok(Ok(()))) {
            connection.give_up();
            return Ok(());
        }
    }
}
