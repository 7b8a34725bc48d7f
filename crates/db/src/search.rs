//! Full-text search: rows found by words, best first.
//!
//! `#[search(title, body, language = "english")]` above a model says which texts are looked into. What somebody types is read
//! into a small tree by us (`words`), whatever it is, and written down in the engine's own language of searches
//! (`dialect`), which is bound as one value: no text is an error, and all texts share one statement. What a language is, says
//! [`language`]. The index is a part of the [`schema`](crate::schema) like others.
//!
//! | | Index | Order |
//! |---|---|---|
//! | SQLite | an FTS5 table beside the model's, kept by triggers | `bm25`, with a weight for each field |
//! | PostgreSQL | a computed `tsvector` with weights, and a GIN index | `ts_rank` |
//! | MySQL, MariaDB | a computed text of all fields, and a FULLTEXT index | the engine's own, fields alike |

mod dialect;
pub mod language;
mod words;

pub(crate) use words::Words;

use crate::column::{Column, Expr, Order, Predicate};
use crate::expression::{Node, Scope, Sought, Term};
use crate::model::{Model, Searchable};
use crate::relation::ToOne;
use crate::value::Value;

/// The weight of each field in the order of the attribute: PostgreSQL's letter (by itself 1, 0.4, 0.2 and 0.1), and SQLite's
/// number, which lies further apart because there a word counts for more that stands in a text more often.
const WEIGHTS: [(char, f64); 4] = [('A', 10.0), ('B', 2.0), ('C', 1.0), ('D', 0.5)];

/// The weight of the field at this place. What comes after the fourth weighs as much.
pub(crate) fn weight(place: usize) -> (char, f64) {
    WEIGHTS[place.min(WEIGHTS.len() - 1)]
}

impl<M: Model, R: Model> ToOne<M, R> {
    /// There is one, and it has what somebody looks for, in words: see [`Query::search`](crate::Query::search).
    pub fn matches(self, words: impl Into<String>) -> Predicate<M>
    where
        R: Searchable,
    {
        let inner = self.scope.inner();
        self.is(|_| Predicate::new(Node::Matches(Box::new(sought::<R>(inner, words.into())))))
    }
}

/// For surfaces that know no model: which rows of `M` have what somebody looks for, and which are the best. `None` when the
/// model has no `#[search(…)]`.
pub fn found<M: Model>(words: &str) -> Option<(Predicate<M>, Order<M>)> {
    M::META.search.as_ref()?;
    let sought = Box::new(sought::<M>(Scope::ROOT, words.to_owned()));
    let best = Expr::<M, f64>::computed(Term::Relevance(sought.clone())).desc();
    Some((Predicate::new(Node::Matches(sought)), best))
}

/// The condition that a row has what somebody looks for. `#[model]` calls it.
pub fn matches<M: Searchable, T>(column: Column<M, T>, words: impl Into<String>) -> Predicate<M> {
    Predicate::new(Node::Matches(Box::new(sought::<M>(column.scope(), words.into()))))
}

/// How well a row fits what somebody looks for. `#[model]` calls it.
pub fn relevance<M: Searchable, T>(column: Column<M, T>, words: impl Into<String>) -> Expr<M, f64> {
    Expr::computed(Term::Relevance(Box::new(sought::<M>(column.scope(), words.into()))))
}

pub(crate) fn sought<M: Model>(scope: Scope, words: String) -> Sought {
    Sought { scope, meta: M::META, words: vec![Term::Value(Value::Text(words))] }
}
