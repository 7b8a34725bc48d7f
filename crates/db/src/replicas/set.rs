//! The primary with its replicas: which of them a statement goes to.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{join_all, join3};
use futures_util::{StreamExt, stream};
use tokio::task::JoinSet;

use super::history::History;
use super::position::{self, Position};
use super::replica::Replica;
use super::scope::Scope;
use super::server::Server;
use super::transaction::{OnPrimary, OnReplica};
use super::watch;
use crate::driver::{
    Access, Begin, Dialect, Driver, Isolation, Reply, RowStream, Statement, StatementKind, Transaction,
};
use crate::engine::Pool;
use crate::error::DbError;

/// The servers.
pub(crate) struct Set {
    primary: Arc<dyn Driver>,
    /// The primary once more, to be looked at.
    looks: Server,
    dialect: Dialect,
    replicas: Vec<Replica>,
    history: Mutex<History>,
    /// A replica that is further behind is not asked.
    limit: Duration,
    /// Whose turn it is.
    next: AtomicUsize,
    /// Whether it was told that none is left.
    told: AtomicBool,
    watching: Mutex<JoinSet<()>>,
}

/// A replica that is asked.
struct Choice<'a> {
    replica: &'a Replica,
    driver: &'a Arc<dyn Driver>,
    /// How many connections had been opened before it was seen where it is.
    opened: u64,
}

/// Why the primary is asked in the place of a replica.
enum Missed {
    Failed(DbError),
    /// It fell silent.
    Silent,
    /// It may have been started again since it was seen, and have yet to come as far once more.
    Unsure,
}

impl Set {
    pub(super) fn new(
        (primary, url): (Arc<dyn Driver>, &str),
        urls: &[String],
        limit: Duration,
        (home, pool): (&Path, &Pool),
    ) -> Arc<Self> {
        let set = Arc::new(Self {
            dialect: primary.dialect(),
            primary,
            looks: Server::for_looks(url, home, pool),
            replicas: urls.iter().map(|url| Replica::new(url, home, pool)).collect(),
            history: Mutex::default(),
            limit,
            next: AtomicUsize::new(0),
            told: AtomicBool::new(false),
            watching: Mutex::default(),
        });
        *set.watching() = watch::begin(&set);
        set
    }

    fn watching(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn primary(&self) -> &dyn Driver {
        &*self.primary
    }

    pub(super) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the primary is.
    pub(super) async fn position(&self) -> Result<Position, DbError> {
        self.position_in(&self.primary.run(position::ask_primary(self.dialect)).await?)
    }

    /// The same, asked past everything else.
    pub(super) async fn look_at_primary(&self) -> Result<Position, DbError> {
        self.position_in(&self.looks.ask(position::ask_primary(self.dialect)).await?)
    }

    fn position_in(&self, reply: &Reply) -> Result<Position, DbError> {
        position::of_primary(&reply.rows)?.ok_or_else(|| DbError::Unavailable {
            detail: match self.dialect {
                Dialect::Postgres => "the primary is in recovery: it is a replica itself".to_owned(),
                _ => "the primary has nothing in its binary log: replicas need `log_bin`".to_owned(),
            },
        })
    }

    /// No replica is asked until it has what was written up to now.
    pub(crate) fn catch_up(&self) {
        self.history().clear();
        for replica in &self.replicas {
            replica.forget();
        }
    }

    /// Says it once when no replica is left, and once when one is back.
    pub(super) fn tell_if_none_is_left(&self) {
        let is_left = self.replicas.iter().any(Replica::is_up);
        if is_left == self.told.load(Ordering::Acquire) {
            self.told.store(!is_left, Ordering::Release);
            if is_left {
                tracing::info!(target: "mainstay::db", "a replica can be asked again");
            } else {
                tracing::warn!(target: "mainstay::db", "no replica can be asked: the primary answers everything");
            }
        }
    }

    /// The replica that reads of a scope go to. Once there is none for it, its reads stay with the primary: a replica that
    /// is asked later might know less than what the primary has shown.
    fn choose(&self, scope: &Scope) -> Option<Choice<'_>> {
        if !scope.may_leave_the_primary() {
            return None;
        }
        let content = |position: &Position| scope.is_content_with(position);
        let choose = |index: usize| {
            let replica = &self.replicas[index];
            let opened = replica.may_be_asked(self.limit, content)?;
            Some((index, Choice { replica, driver: replica.driver()?, opened }))
        };
        let choice = match scope.place() {
            Some(index) => choose(index),
            None => {
                let (first, many) = (self.next.fetch_add(1, Ordering::Relaxed), self.replicas.len());
                (0..many).map(|step| first.wrapping_add(step) % many).find_map(choose)
            }
        };
        match choice {
            Some((index, choice)) => {
                scope.set_place(index);
                choice.replica.count();
                Some(choice)
            }
            None => {
                scope.leave();
                None
            }
        }
    }

    pub(super) async fn run(self: &Arc<Self>, statement: Statement) -> Result<Reply, DbError> {
        let scope = Scope::current(self);
        let mut met_write = false;
        if statement.kind == StatementKind::Read
            && let Some(scope) = &scope
            && let Some(choice) = self.choose(scope)
        {
            match choice.answer(scope, choice.driver.run(statement.clone())).await {
                Ok(reply) => return Ok(reply),
                Err(missed) => met_write = choice.give_up(scope, &statement.sql, missed)?,
            }
        }
        self.run_on_primary(scope.as_ref(), statement, met_write).await
    }

    /// `writes` is whether the statement is known to write, whatever it looks like.
    pub(super) async fn run_on_primary(
        &self,
        scope: Option<&Scope>,
        statement: Statement,
        writes: bool,
    ) -> Result<Reply, DbError> {
        let kind = statement.kind;
        note(scope, &statement, writes);
        let outcome = self.primary.run(statement).await;
        if kind == StatementKind::Script {
            self.catch_up();
        }
        outcome
    }

    pub(super) async fn stream(self: &Arc<Self>, statement: Statement) -> Result<RowStream, DbError> {
        let scope = Scope::current(self);
        let mut met_write = false;
        if statement.kind == StatementKind::Read
            && let Some(scope) = &scope
            && let Some(choice) = self.choose(scope)
        {
            match choice.answer(scope, begun(choice.driver, statement.clone())).await {
                Ok(stream) => return Ok(stream),
                Err(missed) => met_write = choice.give_up(scope, &statement.sql, missed)?,
            }
        }
        self.stream_on_primary(scope.as_ref(), statement, met_write).await
    }

    /// As [`run_on_primary`](Self::run_on_primary).
    pub(super) async fn stream_on_primary(
        &self,
        scope: Option<&Scope>,
        statement: Statement,
        writes: bool,
    ) -> Result<RowStream, DbError> {
        note(scope, &statement, writes);
        self.primary.stream(statement).await
    }

    pub(super) async fn begin(self: &Arc<Self>, how: Begin) -> Result<Box<dyn Transaction>, DbError> {
        // A replica cannot tell of serializable transactions what the primary would.
        if how.access == Access::ReadOnly
            && how.isolation != Some(Isolation::Serializable)
            && let Some(scope) = Scope::current(self)
            && let Some(choice) = self.choose(&scope)
        {
            match choice.answer(&scope, choice.driver.begin(how)).await {
                Ok(inner) => return Ok(Box::new(OnReplica { inner, scope })),
                Err(missed) => {
                    choice.give_up(&scope, "BEGIN", missed)?;
                }
            }
        }
        self.begin_on_primary(how).await
    }

    pub(super) async fn begin_on_primary(
        self: &Arc<Self>,
        how: Begin,
    ) -> Result<Box<dyn Transaction>, DbError> {
        let inner = self.primary.begin(how).await?;
        if how.access == Access::ReadOnly {
            return Ok(inner);
        }
        let schema = (how.access == Access::Schema).then(|| Arc::clone(self));
        let scope = Scope::current(self);
        Ok(match (&scope, &schema) {
            (None, None) => inner,
            _ => Box::new(OnPrimary { inner, scope, schema }),
        })
    }

    pub(super) async fn close(&self) {
        // Nobody looks at servers any more that are being left.
        self.watching().abort_all();
        let replicas = join_all(self.replicas.iter().map(Replica::close));
        join3(replicas, self.looks.close(), self.primary.close()).await;
    }
}

impl Choice<'_> {
    /// Waits for an answer for as long as the replica is not given up: a server whose cable is pulled says nothing.
    ///
    /// Who must see something is answered over a connection that was there when the replica was looked at. Then it is the same
    /// server still: one that was started again may show for a while what was there before.
    async fn answer<T>(
        &self,
        scope: &Scope,
        work: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, Missed> {
        let answer = tokio::select! {
            biased;
            outcome = work => outcome.map_err(Missed::Failed)?,
            () = self.replica.falls_silent() => return Err(Missed::Silent),
        };
        if scope.must_see() && self.driver.status().opened != self.opened {
            return Err(Missed::Unsure);
        }
        Ok(answer)
    }

    /// Whether the primary may be asked in its place, where nothing has been handed out yet: then it is `Ok`, with whether the
    /// statement writes.
    fn give_up(&self, scope: &Scope, sql: &str, missed: Missed) -> Result<bool, DbError> {
        let mut writes = false;
        if let Missed::Failed(fault) = missed {
            match &fault {
                DbError::ConnectionLost { .. } | DbError::Unavailable { .. } | DbError::Closed => {
                    self.replica.put_aside(&fault);
                }
                // It was in the way of what the replica had to apply, or found no connection free.
                DbError::SerializationFailure { .. } | DbError::Deadlock { .. } | DbError::Busy { .. } => {}
                DbError::ReadOnly { .. } => {
                    tracing::warn!(target: "mainstay::db", sql, "a statement that writes is run as one that reads, and was sent to a replica, which refuses it: say `.writing()`");
                    writes = true;
                }
                _ => return Err(fault),
            }
            tracing::debug!(target: "mainstay::db", replica = self.replica.name, error = %fault, "the primary is asked in the place of a replica");
        }
        scope.leave();
        Ok(writes)
    }
}

/// Notes what the primary is about to be asked, if it may write. Before it is sent: whoever stops to wait for it does not call it
/// back.
fn note(scope: Option<&Scope>, statement: &Statement, writes: bool) {
    let Some(scope) = scope else { return };
    // A `SELECT` by hand may call a function that writes. Where reads go to the primary anyway, nobody refuses that.
    let sly = statement.names && !scope.may_leave_the_primary();
    if writes || sly || statement.kind != StatementKind::Read {
        scope.note_write();
    }
}

/// With its first rows: what is wrong shows before anything is handed out.
async fn begun(driver: &Arc<dyn Driver>, statement: Statement) -> Result<RowStream, DbError> {
    let mut rows = driver.stream(statement).await?;
    match rows.next().await {
        Some(Ok(first)) => Ok(RowStream::new(stream::iter([Ok(first)]).chain(rows))),
        Some(Err(fault)) => Err(fault),
        None => Ok(rows),
    }
}
