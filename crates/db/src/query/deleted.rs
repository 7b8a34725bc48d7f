//! Rows that were deleted softly: which queries see them.
//!
//! A query leaves them out where rows are looked for: the rows that it is about, those of relations to many (loaded, counted,
//! in conditions) and to the one that belongs to a row, and those of a model between. A row that another one belongs to is
//! seen all the same: an order still has its customer.

use mainstay_core::Result;

use super::Query;
use super::select::{Deleted, Select};
use crate::error::Border;
use crate::executor::Executor;
use crate::expression::{ColumnRef, Node, Scope, Term};
use crate::model::SoftDelete;
use crate::write;

impl<M: SoftDelete> Query<M> {
    /// Also the rows that were deleted.
    pub fn with_deleted(mut self) -> Self {
        self.select.deleted = Deleted::With;
        self
    }

    /// Only the rows that were deleted.
    pub fn only_deleted(mut self) -> Self {
        self.select.deleted = Deleted::Only;
        self
    }

    /// Takes the deletion of every row that matches back, in one statement. Returns how many. Hooks do not see it.
    #[track_caller]
    pub fn restore(self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        write::restore_many(self.select, executor.target())
    }

    /// Deletes every row that matches for good, in one statement: of those that are not deleted yet, unless
    /// [`with_deleted`](Self::with_deleted) or [`only_deleted`](Self::only_deleted) is said. Returns how many. Hooks do not
    /// see it.
    #[track_caller]
    pub fn delete_for_good(self, executor: &impl Executor) -> impl Future<Output = Result<u64>> {
        let target = executor.target();
        async move { write::delete_many(self.select, target).await.at_border() }
    }
}

impl Select {
    /// The condition that leaves out what was deleted, or what was not.
    pub(crate) fn rule(&self) -> Option<Node> {
        let (_, field) = self.meta.deleted_at()?;
        let is_there = Node::Null(Term::Column(ColumnRef { scope: Scope::ROOT, column: field.column }));
        match self.deleted {
            Deleted::Without => Some(is_there),
            Deleted::With => None,
            Deleted::Only => Some(Node::Not(Box::new(is_there))),
        }
    }
}
