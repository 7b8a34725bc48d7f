//! Conditions on rows.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use crate::expression::{Node, Truth};
use crate::model::Model;

/// A condition on the rows of `M`.
#[must_use = "a predicate does nothing until a query takes it"]
pub struct Predicate<M> {
    pub(crate) node: Node,
    marker: PhantomData<fn() -> M>,
}

impl<M> Clone for Predicate<M> {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

impl<M> fmt::Debug for Predicate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<M: Model> Predicate<M> {
    /// Whether it holds for a row as it was read, as far as its own values tell. None where only the database knows: of texts,
    /// which it compares in its own way, and of other rows. What a trigger has made of the row since is not looked at.
    pub fn holds_for(&self, row: &M) -> Option<bool> {
        let values = row.values();
        // A digest is the database's, which has the keys.
        let value = |column: &str| {
            let (index, _) = M::META.column(column).filter(|(_, field)| field.index_of.is_none())?;
            values.get(index)
        };
        Some(self.node.decide(&value)? == Truth::True)
    }
}

impl<M> Predicate<M> {
    pub(crate) fn new(node: Node) -> Self {
        Self { node, marker: PhantomData }
    }

    /// Every row.
    pub fn always() -> Self {
        Self::new(Node::All(Vec::new()))
    }

    /// No row.
    pub fn never() -> Self {
        Self::new(Node::Any(Vec::new()))
    }

    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        Self::new(match (self.node, other.node) {
            (Node::All(mut all), Node::All(more)) => {
                all.extend(more);
                Node::All(all)
            }
            (Node::All(mut all), other) => {
                all.push(other);
                Node::All(all)
            }
            (node, other) => Node::All(vec![node, other]),
        })
    }

    /// One of them holds, or both.
    pub fn or(self, other: Self) -> Self {
        Self::new(match (self.node, other.node) {
            (Node::Any(mut any), other) => {
                any.push(other);
                Node::Any(any)
            }
            (node, other) => Node::Any(vec![node, other]),
        })
    }
}

impl<M> Not for Predicate<M> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(match self.node {
            Node::Not(node) => *node,
            node => Node::Not(Box::new(node)),
        })
    }
}

impl<M> BitAnd for Predicate<M> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl<M> BitOr for Predicate<M> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}
