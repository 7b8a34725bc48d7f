//! Where the reads of a piece of work go, and whether it has written.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mainstay_core::Result;

use super::position::Position;
use super::set::Set;
use crate::db::Db;
use crate::error::Border;

tokio::task_local! {
    static SCOPE: Scope;
}

/// What stands for no replica.
const NONE: usize = usize::MAX;

/// Where the reads of a piece of work go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// To the primary, as without a scope.
    #[default]
    Primary,
    /// To a replica, until the work has written.
    Replica,
}

/// What a piece of work must see at least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Anything will do.
    #[default]
    Nothing,
    /// Everything up to there.
    After(Position),
    /// Nobody knows how much: the primary has it.
    Primary,
}

impl From<Option<Position>> for Demand {
    fn from(after: Option<Position>) -> Self {
        after.map_or(Self::Nothing, Self::After)
    }
}

impl Demand {
    /// Both of them.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, demand) | (demand, Self::Nothing) => demand,
            (Self::After(one), Self::After(other)) if one.has_reached(&other) => Self::After(one),
            (Self::After(one), Self::After(other)) if other.has_reached(&one) => Self::After(other),
            _ => Self::Primary,
        }
    }
}

/// A piece of work on a database with replicas: a request, a report.
///
/// All of its reads go to the same replica, so that they do not go back in time; once one has gone to the primary, so do the
/// others. It belongs to the task: what `tokio::spawn` begins inside is outside of it, and reads from the primary.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    set: Arc<Set>,
    reads: Reads,
    demand: Demand,
    wrote: AtomicBool,
    /// Whether its reads stay with the primary.
    left: AtomicBool,
    /// The replica that it reads from.
    place: AtomicUsize,
    outer: Option<Scope>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { reads, demand, wrote, .. } = &*self.0;
        f.debug_struct("Scope")
            .field("reads", reads)
            .field("demand", demand)
            .field("wrote", wrote)
            .finish_non_exhaustive()
    }
}

impl Scope {
    /// One for work that begins now, and what it must see: a [`Demand`], or everything up to a position that there may be.
    /// `None` where the database has no replicas.
    pub fn of(db: &Db, reads: Reads, demand: impl Into<Demand>) -> Option<Self> {
        let set = Arc::clone(db.replica_set()?);
        Some(Self(Arc::new(Inner {
            outer: SCOPE.try_with(Self::clone).ok(),
            set,
            reads,
            demand: demand.into(),
            wrote: AtomicBool::new(false),
            left: AtomicBool::new(false),
            place: AtomicUsize::new(NONE),
        })))
    }

    /// Runs `work` in it.
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        SCOPE.scope(self.clone(), work).await
    }

    /// Where the primary is, if the work has written: whoever has reached that has everything that it wrote.
    ///
    /// # Errors
    ///
    /// When the primary cannot be asked.
    pub async fn written(&self) -> Result<Option<Position>> {
        if !self.0.wrote.load(Ordering::Acquire) {
            return Ok(None);
        }
        self.0.set.position().await.at_border().map(Some)
    }

    /// That of the running task, for this database.
    pub(crate) fn current(set: &Arc<Set>) -> Option<Self> {
        let mut next = SCOPE.try_with(Self::clone).ok();
        while let Some(scope) = next {
            if Arc::ptr_eq(&scope.0.set, set) {
                return Some(scope);
            }
            next = scope.0.outer.clone();
        }
        None
    }

    /// It, and those around it that are of the same database.
    fn all(&self) -> impl Iterator<Item = &Self> {
        let set = &self.0.set;
        std::iter::successors(Some(self), |scope| scope.0.outer.as_ref())
            .filter(|scope| Arc::ptr_eq(&scope.0.set, set))
    }

    /// Whether a read may go to a replica.
    pub(super) fn may_leave_the_primary(&self) -> bool {
        self.0.reads == Reads::Replica
            && !self.0.left.load(Ordering::Acquire)
            && !self
                .all()
                .any(|Self(scope)| scope.wrote.load(Ordering::Acquire) || scope.demand == Demand::Primary)
    }

    /// Whether it may read from a replica that is there.
    pub(super) fn is_content_with(&self, position: &Position) -> bool {
        self.all().all(|scope| match &scope.0.demand {
            Demand::Nothing => true,
            Demand::After(after) => position.has_reached(after),
            Demand::Primary => false,
        })
    }

    /// Whether there is something that it must see.
    pub(super) fn must_see(&self) -> bool {
        self.all().any(|scope| scope.0.demand != Demand::Nothing)
    }

    /// The replica that it reads from.
    pub(super) fn place(&self) -> Option<usize> {
        Some(self.0.place.load(Ordering::Acquire)).filter(|place| *place != NONE)
    }

    pub(super) fn set_place(&self, place: usize) {
        self.0.place.store(place, Ordering::Release);
    }

    /// Its reads go to the primary from now on.
    pub(super) fn leave(&self) {
        self.0.left.store(true, Ordering::Release);
    }

    pub(super) fn note_write(&self) {
        for scope in self.all() {
            scope.0.wrote.store(true, Ordering::Release);
        }
    }
}

/// Runs `work` in a scope that another task is in, if it is in one.
pub(crate) async fn carried<T>(scope: Option<Scope>, work: impl Future<Output = T>) -> T {
    match scope {
        Some(scope) => scope.around(work).await,
        None => work.await,
    }
}
