//! What is asked for, without types and without SQL.

use super::lock::Lock;
use crate::expression::{Node, OrderTerm, Scope, Term};
use crate::meta::{Columns, ModelMeta, RelationMeta};

/// A query for rows of one model, with what is joined to it.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) meta: &'static ModelMeta,
    pub(crate) output: Output,
    pub(crate) deleted: Deleted,
    pub(crate) filter: Vec<Node>,
    pub(crate) order: Vec<OrderTerm>,
    pub(crate) limit: Option<Term>,
    pub(crate) offset: Option<Term>,
    pub(crate) joins: Vec<Join>,
    /// What is computed: all of the output of [`Output::Values`], and what comes after the columns of [`Output::Rows`].
    pub(crate) outputs: Vec<Term>,
    pub(crate) distinct: bool,
    pub(crate) group: Vec<Term>,
    pub(crate) having: Vec<Node>,
    pub(crate) lock: Option<Lock>,
    /// In a batch for several owners: what says whose row it is. It is the first columns.
    pub(crate) lead: Option<Lead>,
    /// In a batch: at most so many rows for each owner.
    pub(crate) per_owner: Option<Term>,
}

/// Whether rows that were deleted softly belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Without,
    With,
    Only,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The columns of the model, then those of every join that loads a relation.
    Rows,
    /// What is computed, and nothing else.
    Values,
    /// How many results [`Output::Values`] would have.
    CountValues,
    /// How many.
    Count,
    /// Whether there is one.
    Exists,
}

/// A to-one relation, joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join {
    pub(crate) from: Scope,
    pub(crate) relation: &'static RelationMeta,
    pub(crate) scope: Scope,
    /// Whether its columns are read, or only computed with.
    pub(crate) loads: bool,
}

/// Whose row it is.
#[derive(Clone, Debug)]
pub(crate) enum Lead {
    /// Columns of its own.
    Own(Columns),
    /// Columns of the table between.
    Through { through: &'static ModelMeta, from: Columns, to: Columns, target_keys: Columns },
}

impl Lead {
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Own(_) => Scope::ROOT,
            Self::Through { .. } => Scope::THROUGH,
        }
    }

    pub(crate) fn columns(&self) -> &[&'static str] {
        match self {
            Self::Own(columns) | Self::Through { from: columns, .. } => columns,
        }
    }
}

impl Select {
    pub(crate) fn new(meta: &'static ModelMeta) -> Self {
        Self {
            meta,
            output: Output::Rows,
            deleted: Deleted::Without,
            filter: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: None,
            joins: Vec::new(),
            outputs: Vec::new(),
            distinct: false,
            group: Vec::new(),
            having: Vec::new(),
            lock: None,
            lead: None,
            per_owner: None,
        }
    }

    /// Joins a to-one relation, and returns where its columns are.
    pub(crate) fn join(&mut self, from: Scope, relation: &'static RelationMeta) -> Scope {
        self.add(from, relation, true)
    }

    /// Where the columns of a to-one relation are, joined for what is computed.
    pub(super) fn reach(&mut self, from: Scope, relation: &'static RelationMeta) -> Scope {
        let same = |join: &&Join| join.from == from && std::ptr::eq(join.relation, relation);
        match self.joins.iter().find(same) {
            Some(join) => join.scope,
            None => self.add(from, relation, false),
        }
    }

    fn add(&mut self, from: Scope, relation: &'static RelationMeta, loads: bool) -> Scope {
        let scope = Scope::joined(self.joins.len());
        self.joins.push(Join { from, relation, scope, loads });
        scope
    }

    /// The number of results instead of them.
    pub(super) fn counted(mut self) -> Self {
        self.output = Output::CountValues;
        self.order.clear();
        self.lock = None;
        self
    }

    /// Whether there is one result for each row that matches.
    pub(super) fn gives_rows_one_by_one(&self) -> bool {
        !self.distinct
            && self.group.is_empty()
            && self.having.is_empty()
            && !self.outputs.iter().any(Term::has_aggregate)
    }

    /// Asks for something other than the rows: what only concerns rows goes.
    pub(crate) fn only(&mut self, output: Output) {
        self.output = output;
        self.joins.clear();
        self.outputs.clear();
        self.order.clear();
        self.lock = None;
        self.limit = None;
        self.offset = None;
    }
}
