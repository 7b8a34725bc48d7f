//! The tree that closures over columns build, before anybody knows which engine it is for.
//!
//! It is not generic: [`Column`](crate::Column) and [`Predicate`](crate::Predicate) are typed shells around it, so that a
//! program pays for rendering once and not once per model. Functions, arithmetic and `case` will be further `Term`s.

use crate::meta::RelationMeta;
use crate::value::Value;

/// One occurrence of a table in a query. Its alias follows from it when the query is rendered.
///
/// The table that the query is about is at depth 0, a table inside of `is`, `any` or `none` one deeper than the one outside.
/// So a column of the outer table can be used inside, and a model can be related to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(u8);

/// The first number of tables that are joined to load a relation.
const JOINS: u8 = 128;

impl Scope {
    /// The table that the query is about.
    pub const ROOT: Self = Self(0);
    /// The table between the two of a many-to-many relation, in a batch.
    pub(crate) const THROUGH: Self = Self(u8::MAX);

    /// A table inside of a predicate on this one.
    pub(crate) fn inner(self) -> Self {
        Self(self.0.saturating_add(1).min(JOINS - 1))
    }

    /// A joined table.
    pub(crate) fn joined(number: usize) -> Self {
        Self(u8::try_from(number).unwrap_or(u8::MAX).saturating_add(JOINS).min(u8::MAX - 1))
    }

    /// The alias.
    pub(crate) fn alias(self) -> String {
        match self {
            Self::THROUGH => "x".to_owned(),
            Self(number) if number >= JOINS => format!("j{}", number - JOINS),
            Self(depth) => format!("t{depth}"),
        }
    }

    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

/// A column of one occurrence of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColumnRef {
    pub(crate) scope: Scope,
    pub(crate) column: &'static str,
}

/// What a column is compared with, or set to.
#[derive(Clone, Debug)]
pub struct Operand(pub(crate) Term);

#[derive(Clone, Debug)]
pub(crate) enum Term {
    Value(Value),
    Column(ColumnRef),
    /// A value that has moved to the statement's list of values, at this place.
    Slot(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Compare { left: ColumnRef, operator: Operator, right: Term },
    In { left: ColumnRef, list: List },
    Null(ColumnRef),
    Text { left: ColumnRef, pattern: Pattern },
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Related(Box<Related>),
}

/// `EXISTS`: a row that the relation leads to, and that is as `body` says.
#[derive(Clone, Debug)]
pub(crate) struct Related {
    pub(crate) relation: &'static RelationMeta,
    pub(crate) outer: Scope,
    pub(crate) inner: Scope,
    pub(crate) body: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug)]
pub(crate) enum List {
    Values(Vec<Value>),
    /// All of them in one value.
    Slot(usize),
    /// One value each; none at all is false.
    Slots(Vec<usize>),
}

/// A search in a text. The needle is plain text; what the engine would take for a wildcard is escaped.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) needle: Term,
    pub(crate) anchor: Anchor,
    pub(crate) case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    End,
    Anywhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    Ignored,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderTerm {
    pub(crate) column: ColumnRef,
    pub(crate) direction: Direction,
    pub(crate) nulls: Option<Nulls>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// Where NULLs go in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Before all values.
    First,
    /// After all values.
    Last,
}

impl Node {
    /// Whether it concerns nothing but the row itself: it has no subquery.
    pub(crate) fn is_local(&self) -> bool {
        let plain = |term: &Term| matches!(term, Term::Value(_) | Term::Column(_) | Term::Slot(_));
        match self {
            Self::Compare { right, .. } => plain(right),
            Self::In { .. } | Self::Null(_) => true,
            Self::Text { pattern, .. } => plain(&pattern.needle),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().all(Self::is_local),
            Self::Not(node) => node.is_local(),
            Self::Related(_) => false,
        }
    }
}

impl Pattern {
    /// The needle with wildcards around it and its own escaped, as `LIKE` (with `\`) reads it.
    pub(crate) fn like(&self, needle: &str) -> String {
        self.surround(needle, "%", |letter| match letter {
            '%' | '_' | '\\' => Some(format!("\\{letter}")),
            _ => None,
        })
    }

    /// The same for SQLite's `GLOB`, which minds the case.
    pub(crate) fn glob(&self, needle: &str) -> String {
        self.surround(needle, "*", |letter| match letter {
            '*' | '?' | '[' => Some(format!("[{letter}]")),
            _ => None,
        })
    }

    fn surround(&self, needle: &str, any: &str, escape: impl Fn(char) -> Option<String>) -> String {
        let mut pattern = String::with_capacity(needle.len() + 2);
        if self.anchor != Anchor::Start {
            pattern.push_str(any);
        }
        for letter in needle.chars() {
            match escape(letter) {
                Some(escaped) => pattern.push_str(&escaped),
                None => pattern.push(letter),
            }
        }
        if self.anchor != Anchor::End {
            pattern.push_str(any);
        }
        pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_the_engine_would_take_for_a_wildcard() {
        let pattern = |anchor| Pattern { needle: Term::Slot(0), anchor, case: Case::Ignored };
        assert_eq!(pattern(Anchor::Anywhere).like("50%_\\"), "%50\\%\\_\\\\%");
        assert_eq!(pattern(Anchor::Start).like("a"), "a%");
        assert_eq!(pattern(Anchor::End).glob("[a]*?"), "*[[]a][*][?]");
    }

    #[test]
    fn gives_every_occurrence_an_alias_of_its_own() {
        assert_eq!(Scope::ROOT.alias(), "t0");
        assert_eq!(Scope::ROOT.inner().inner().alias(), "t2");
        assert_eq!(Scope::joined(0).alias(), "j0");
        assert_eq!(Scope::THROUGH.alias(), "x");
    }
}
