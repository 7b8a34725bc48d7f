//! What is inside of JSON documents.
//!
//! A path is bound as a value, in the form in which the engine takes it. What is at its end has a type of its own, which has to
//! be asked for: what is there and has another type is NULL, on every engine.

use serde::Serialize;

use super::{Expr, Predicate};
use crate::expression::{Contained, JsonTerm, Node, Operand, Path, Step, Term, Wanted};
use crate::value::{Json, Stored};

/// The types of JSON documents.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a JSON document", label = "expected `Json<T>`")]
pub trait JsonColumn: Stored {}

impl<D> JsonColumn for Json<D> where Self: Stored {}
impl<D> JsonColumn for Option<Json<D>> where Self: Stored {}

/// A place inside of a JSON document of `M`.
#[derive(Clone, Debug)]
#[must_use = "a path does nothing until a query takes what is at its end"]
pub struct JsonPath<M> {
    document: Expr<M, ()>,
    steps: Vec<Step>,
}

impl<M, T: JsonColumn, X: Into<Operand>> Expr<M, T, X> {
    /// A place inside of the document: `author.name`, `items[0].price`; an empty path is the document itself.
    pub fn path(self, path: impl AsRef<str>) -> JsonPath<M> {
        JsonPath { document: Expr::computed(self.into_term()), steps: steps(path.as_ref()) }
    }
}

impl<M> JsonPath<M> {
    /// The value of this key, which may have dots and brackets in it.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.steps.push(Step::Key(key.into()));
        self
    }

    /// The element at this position, counted from 0.
    pub fn index(mut self, index: u32) -> Self {
        self.steps.push(Step::Index(index));
        self
    }

    /// The text there.
    pub fn text(self) -> Expr<M, Option<String>> {
        Expr::computed(self.wanted(Wanted::Text))
    }

    /// The whole number there.
    pub fn int(self) -> Expr<M, Option<i64>> {
        Expr::computed(self.wanted(Wanted::Int))
    }

    /// The number there.
    pub fn float(self) -> Expr<M, Option<f64>> {
        Expr::computed(self.wanted(Wanted::Float))
    }

    /// The truth value there.
    pub fn bool(self) -> Expr<M, Option<bool>> {
        Expr::computed(self.wanted(Wanted::Bool))
    }

    /// There is something, be it a JSON null.
    pub fn exists(self) -> Predicate<M> {
        Predicate::new(Node::Holds(self.wanted(Wanted::Exists)))
    }

    /// What is there is this value, or an array that has it among its elements. PostgreSQL and MySQL also look for arrays and
    /// objects inside of others; on SQLite that is an error.
    pub fn contains(self, value: impl Serialize) -> Predicate<M> {
        match serde_json::to_value(value) {
            Ok(value) => Predicate::new(Node::Holds(self.wanted(Wanted::Contains(Contained::Value(value))))),
            Err(fault) => Predicate::new(Node::Holds(Term::Fault(format!(
                "a value cannot be written as JSON: {fault}"
            )))),
        }
    }

    fn wanted(self, wanted: Wanted) -> Term {
        let document = self.document.into_term();
        Term::Json(Box::new(JsonTerm { document, path: Path::Steps(self.steps), wanted }))
    }
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (key, indexes) = indexes(part).unwrap_or((part, Vec::new()));
        if !key.is_empty() {
            steps.push(Step::Key(key.to_owned()));
        }
        steps.extend(indexes);
    }
    steps
}

/// `items[0][1]` as `items` and two positions; `None` if it is not like that.
fn indexes(part: &str) -> Option<(&str, Vec<Step>)> {
    let (key, brackets) = part.split_once('[')?;
    let numbers = brackets.strip_suffix(']')?.split("][");
    let steps = numbers.map(|number| number.parse().ok().map(Step::Index)).collect::<Option<Vec<_>>>()?;
    Some((key, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_and_positions() {
        let key = |key: &str| Step::Key(key.to_owned());
        assert_eq!(steps("author.name"), [key("author"), key("name")]);
        assert_eq!(
            steps("items[0][12].price"),
            [key("items"), Step::Index(0), Step::Index(12), key("price")]
        );
        assert_eq!(steps("[3]"), [Step::Index(3)]);
        assert_eq!(steps("a[x]"), [key("a[x]")]);
        assert_eq!(steps(""), []);
    }
}
