//! What is behind the pool's lock. Nothing here waits, and nothing that counts itself out is dropped here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::Id;

use super::{Grant, Lease, Permit, Shared, Taken};
use crate::driver::{PoolStatus, Statement, StatementKind};
use crate::error::DbError;
use crate::postgres::Pooler;
use crate::postgres::connection::Connection;

/// How many statements of several tasks follow each other on one connection, when all are busy.
const DEPTH: usize = 4;
/// How many of one task do, or quick reads.
const DEEPEST: usize = 256;
/// How long quick reads of several tasks may take that follow each other on one connection while others are idle.
const TOGETHER: Duration = Duration::from_millis(1);
/// How long they may take when all are busy. They would have to wait anyway.
const CROWDED: Duration = Duration::from_millis(10);
/// After so long without an answer nobody joins them any more.
const STALLED: Duration = Duration::from_millis(5);
/// What a statement counts of which nobody knows how long it takes: one that is new, or that may have to wait for a lock.
const UNKNOWN: Duration = Duration::from_secs(1);
/// The most callers that wait in line.
const LONGEST: usize = 16_384;

/// What somebody wants: a place for a statement, or a connection alone.
#[derive(Debug)]
pub(super) enum Want {
    Share(Asker),
    Take,
}

/// Who wants a place, and what for.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) task: Option<Id>,
    pub(super) statement: Arc<Statement>,
}

/// What somebody gets who asks.
pub(super) enum Turn {
    Now(Grant),
    Wait(oneshot::Receiver<Grant>),
}

/// Whoever waits, and for what.
type Line = VecDeque<(Want, oneshot::Sender<Grant>)>;
/// What goes to whom.
pub(super) type Delivery = Vec<(oneshot::Sender<Grant>, Grant)>;

pub(super) struct State {
    slots: Vec<Slot>,
    /// Connections that are open, taken or being opened.
    total: usize,
    most: usize,
    line: Line,
    closed: bool,
    /// Whether statements may follow each other without waiting for replies.
    pipelined: bool,
    /// Why the last attempt to connect failed, if none has succeeded since.
    pub(super) refusal: Option<(Instant, DbError)>,
}

/// A shared connection.
struct Slot {
    connection: Arc<Connection>,
    under_way: usize,
    /// How long all that is expected to take.
    load: Duration,
    /// The task that was the last to get a place.
    owner: Option<Id>,
    /// Nobody else gets a place: what was abandoned is being stopped.
    isolated: bool,
    /// It has lived long enough: nobody gets a place any more.
    retired: bool,
    /// When it was last given out or answered.
    moved: Instant,
}

impl Slot {
    fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            under_way: 0,
            load: Duration::ZERO,
            owner: None,
            isolated: false,
            retired: false,
            moved: Instant::now(),
        }
    }

    /// Whether what is under way and this statement are quick enough to take no longer than `limit` together.
    fn is_done_within(&self, limit: Duration, statement: &Statement) -> bool {
        statement.kind == StatementKind::Read
            && self.under_way < DEEPEST
            && self.load < limit
            && fits(limit, self.load, self.moved.elapsed(), self.connection.pace_of(&statement.sql))
    }

    /// Whether what a task has under way is the last that it has got here, so that more of it may follow.
    fn carries(&self, task: Option<Id>) -> bool {
        task.is_some() && self.owner == task && (1..DEEPEST).contains(&self.under_way)
    }

    /// Whether anybody gets a place.
    fn is_open(&self) -> bool {
        !self.isolated && !self.retired && !self.connection.is_closed()
    }

    fn is_over(&self) -> bool {
        self.connection.is_closed() || (self.retired && self.under_way == 0)
    }
}

impl State {
    pub(super) fn new(most: usize, pooler: Pooler) -> Self {
        Self {
            slots: Vec::new(),
            total: 0,
            most,
            line: VecDeque::new(),
            closed: false,
            // Behind a pooler a connection costs little, and what takes too long has to be stopped from here, which is only
            // safe when nothing else is there to be hit.
            pipelined: pooler == Pooler::None,
            refusal: None,
        }
    }

    /// Gives what is wanted, or a place in the line.
    pub(super) fn turn(&mut self, want: Want, pool: &Arc<Shared>) -> Result<Turn, DbError> {
        if self.closed {
            return Err(DbError::Closed);
        }
        if let Some((first, _)) = self.line.front() {
            // What a task asks for together goes together, unless somebody waits for a connection to fall silent.
            if let (Want::Share(asker), Want::Share(_)) = (&want, first)
                && let Some(index) = self.own(asker)
            {
                return Ok(Turn::Now(Grant::Shared(self.place(index, asker, pool))));
            }
        } else if let Some(grant) = self.grant(&want, pool) {
            return Ok(Turn::Now(grant));
        }
        if self.line.len() >= LONGEST {
            return Err(DbError::Busy {
                what: "a place in the line for a connection".to_owned(),
                waited: Duration::ZERO,
            });
        }
        let (sender, receiver) = oneshot::channel();
        self.line.push_back((want, sender));
        Ok(Turn::Wait(receiver))
    }

    fn grant(&mut self, want: &Want, pool: &Arc<Shared>) -> Option<Grant> {
        if let Want::Share(asker) = want
            && let Some(index) = self.own(asker)
        {
            return Some(Grant::Shared(self.place(index, asker, pool)));
        }
        // Positions change with it, so first.
        self.remove_over();
        let (mut quick, mut idle, mut least) = (None, None, None);
        for (index, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.is_open()) {
            if slot.under_way == 0 {
                idle = idle.or(Some(index));
            } else if let (Want::Share(asker), true) = (want, self.pipelined) {
                if quick.is_none() && slot.is_done_within(TOGETHER, &asker.statement) {
                    quick = Some(index);
                }
                let less = least.is_none_or(|least: usize| slot.load < self.slots[least].load);
                if less && (slot.under_way < DEPTH || slot.is_done_within(CROWDED, &asker.statement)) {
                    least = Some(index);
                }
            }
        }
        match (want, quick.or(idle)) {
            (Want::Share(asker), Some(index)) => Some(Grant::Shared(self.place(index, asker, pool))),
            (Want::Take, Some(index)) => {
                let Slot { connection, .. } = self.slots.remove(index);
                Some(Grant::Taken(Taken { permit: permit(pool), connection }))
            }
            (_, None) if self.total < self.most => {
                self.total += 1;
                Some(Grant::Open(permit(pool)))
            }
            (Want::Share(asker), None) => Some(Grant::Shared(self.place(least?, asker, pool))),
            (Want::Take, None) => None,
        }
    }

    /// The connection on which a task has something under way.
    fn own(&self, asker: &Asker) -> Option<usize> {
        let own = |slot: &Slot| slot.carries(asker.task) && slot.is_open();
        self.slots.iter().position(own).filter(|_| self.pipelined)
    }

    fn place(&mut self, index: usize, asker: &Asker, pool: &Arc<Shared>) -> Lease {
        let slot = &mut self.slots[index];
        let statement = &asker.statement;
        let prepared = if self.pipelined { slot.connection.known(&statement.sql) } else { None };
        let pace = prepared.as_ref().and_then(|prepared| prepared.pace());
        let load = pace.filter(|_| statement.kind == StatementKind::Read).unwrap_or(UNKNOWN);
        if slot.under_way == 0 {
            slot.moved = Instant::now();
        }
        slot.under_way += 1;
        slot.load += load;
        slot.owner = asker.task;
        Lease {
            pool: Arc::clone(pool),
            connection: Arc::clone(&slot.connection),
            prepared,
            load,
            counts: true,
        }
    }

    /// Drops what cannot be used any more.
    fn remove_over(&mut self) -> Vec<Slot> {
        let over: Vec<Slot> = self.slots.extract_if(.., |slot| slot.is_over()).collect();
        self.total = self.total.saturating_sub(over.len());
        over
    }

    /// Gives to those in line what there is.
    fn serve(&mut self, pool: &Arc<Shared>) -> Delivery {
        let mut delivery = Vec::new();
        if self.closed && self.total == 0 {
            pool.emptied.notify_waiters();
        }
        while let Some((want, sender)) = self.line.pop_front() {
            if sender.is_closed() {
                continue;
            }
            match self.grant(&want, pool) {
                Some(grant) => delivery.push((sender, grant)),
                None => {
                    self.line.push_front((want, sender));
                    break;
                }
            }
        }
        delivery
    }

    /// A statement has been answered. Says how long it has taken, from the answer before it.
    pub(super) fn release(
        &mut self,
        connection: &Arc<Connection>,
        load: Duration,
        pool: &Arc<Shared>,
    ) -> (Option<Duration>, Delivery) {
        let slot = self.slots.iter_mut().find(|slot| Arc::ptr_eq(&slot.connection, connection));
        let took = slot.map(|slot| {
            let now = Instant::now();
            slot.under_way -= 1;
            slot.load = slot.load.saturating_sub(load);
            slot.isolated = false;
            slot.retired |= self.closed;
            now - std::mem::replace(&mut slot.moved, now)
        });
        if self.closed {
            self.remove_over();
        }
        let waiting = if self.closed || !self.line.is_empty() { self.serve(pool) } else { Vec::new() };
        (took, waiting)
    }

    pub(super) fn isolate(&mut self, connection: &Arc<Connection>) -> bool {
        let slot = self.slots.iter_mut().find(|slot| Arc::ptr_eq(&slot.connection, connection));
        match slot {
            Some(slot) if slot.under_way == 1 => {
                slot.isolated = true;
                true
            }
            _ => false,
        }
    }

    /// A new connection, with a place on it for who has opened it.
    pub(super) fn add_shared(
        &mut self,
        mut permit: Permit,
        connection: Connection,
        asker: &Asker,
        pool: &Arc<Shared>,
    ) -> (Lease, Delivery) {
        permit.counts = false;
        self.slots.push(Slot::new(Arc::new(connection)));
        let lease = self.place(self.slots.len() - 1, asker, pool);
        (lease, self.serve(pool))
    }

    /// A taken connection comes back.
    pub(super) fn give_back(
        &mut self,
        mut permit: Permit,
        connection: Arc<Connection>,
        pool: &Arc<Shared>,
    ) -> Delivery {
        permit.counts = false;
        if self.closed {
            self.total = self.total.saturating_sub(1);
        } else {
            self.slots.push(Slot::new(connection));
        }
        self.serve(pool)
    }

    /// One that was taken, or to be opened, is no more.
    pub(super) fn count_out(&mut self, pool: &Arc<Shared>) -> Delivery {
        self.total = self.total.saturating_sub(1);
        self.serve(pool)
    }

    /// What is to be closed, and who gets something by it.
    pub(super) fn look_over(
        &mut self,
        idle: Duration,
        lifetime: Duration,
        silence: Duration,
        pool: &Arc<Shared>,
    ) -> (Vec<Arc<Connection>>, Delivery) {
        for slot in &mut self.slots {
            let unmoved = slot.moved.elapsed();
            if slot.under_way > 0 && unmoved > silence {
                tracing::warn!(target: "mainstay::db", silent_ms = unmoved.as_millis(), "the server does not answer on a connection: it is given up");
                slot.connection.give_up();
            }
            slot.retired |= slot.connection.age() > lifetime || (slot.under_way == 0 && unmoved > idle);
        }
        let over = self.remove_over().into_iter().map(|slot| slot.connection).collect();
        self.line.retain(|(_, sender)| !sender.is_closed());
        (over, self.serve(pool))
    }

    /// Retires every connection that is open now.
    pub(super) fn distrust(&mut self, pool: &Arc<Shared>) -> (Vec<Arc<Connection>>, Delivery) {
        for slot in &mut self.slots {
            slot.retired = true;
        }
        let over = self.remove_over().into_iter().map(|slot| slot.connection).collect();
        (over, self.serve(pool))
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus {
            open: self.total,
            idle: self.slots.iter().filter(|slot| slot.under_way == 0).count(),
            waiting: self.line.iter().filter(|(_, sender)| !sender.is_closed()).count(),
            limit: self.most,
            opened: 0,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether no connection is open any more.
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Turns everybody away who waits, and hands out the connections that nobody uses.
    pub(super) fn close(&mut self) -> (Vec<Arc<Connection>>, Line) {
        self.closed = true;
        for slot in &mut self.slots {
            slot.retired = true;
        }
        let over = self.remove_over().into_iter().map(|slot| slot.connection).collect();
        (over, std::mem::take(&mut self.line))
    }

    /// Gives up what did not end in time.
    pub(super) fn abandon(&mut self) -> Vec<Arc<Connection>> {
        self.total = 0;
        let left: Vec<_> = self.slots.drain(..).map(|slot| slot.connection).collect();
        left.iter().for_each(|connection| connection.give_up());
        left
    }
}

fn permit(pool: &Arc<Shared>) -> Permit {
    Permit { pool: Arc::clone(pool), counts: true }
}

/// Whether a read of that pace may follow what is expected to take `load`, after so long without an answer.
fn fits(limit: Duration, load: Duration, silence: Duration, pace: Option<Duration>) -> bool {
    silence < STALLED && pace.is_some_and(|pace| load + pace <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_quick_follows_what_is_quick() {
        let micros = Duration::from_micros;
        let follows = |load, silence, pace: Option<u64>| {
            fits(TOGETHER, micros(load), micros(silence), pace.map(micros))
        };
        assert!(follows(0, 0, Some(30)) && follows(900, 900, Some(100)));
        assert!(!follows(900, 0, Some(101)), "together they take too long");
        assert!(!follows(0, 0, Some(2_000)), "it is slow");
        assert!(!follows(0, 0, None), "nobody knows how long it takes");
        assert!(!follows(30, 5_000, Some(30)), "what is first has turned out slow");
        assert!(
            !fits(CROWDED, UNKNOWN, Duration::ZERO, Some(micros(30))),
            "what is under way may wait for a lock"
        );
    }
}
