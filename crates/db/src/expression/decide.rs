//! What the values of a row tell of a condition, without asking an engine.
//!
//! Only where every engine says the same: whole numbers, identifiers and truth values. Texts depend on a collation, and what
//! leads to other rows on those.

use super::{ColumnRef, List, Node, Operator, Scope, Term};
use crate::value::Value;

/// What SQL says of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    /// NULL: a value that it depends on is not known.
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl Node {
    /// Whether it holds for a row with these values, by column. None: the engine has to be asked.
    pub(crate) fn decide<'v>(&'v self, values: &impl Fn(&str) -> Option<&'v Value>) -> Option<Truth> {
        match self {
            Self::Compare { left, operator, right } => {
                compare(operand(left, values)?, *operator, operand(right, values)?)
            }
            Self::In { left, list: List::Values(list) } => {
                let left = operand(left, values)?;
                let equal = |value| compare(left, Operator::Equal, value);
                any(list.iter().map(equal))
            }
            Self::Null(term) => Some(operand(term, values)?.is_null().into()),
            Self::All(nodes) => all(nodes.iter().map(|node| node.decide(values))),
            Self::Any(nodes) => any(nodes.iter().map(|node| node.decide(values))),
            Self::Not(node) => node.decide(values).map(not),
            _ => None,
        }
    }
}

fn operand<'v>(term: &'v Term, values: &impl Fn(&str) -> Option<&'v Value>) -> Option<&'v Value> {
    match term {
        Term::Value(value) => Some(value),
        Term::Column(ColumnRef { scope: Scope::ROOT, column }) => values(column),
        _ => None,
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> Option<Truth> {
    let order = match (left, right) {
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        // Engines sort them in different ways.
        (Value::Uuid(left), Value::Uuid(right)) if operator.is_about_equality() => left.cmp(right),
        (Value::Null, _) | (_, Value::Null) => {
            return Some(match operator {
                Operator::Same => (left.is_null() && right.is_null()).into(),
                _ => Truth::Unknown,
            });
        }
        _ => return None,
    };
    Some(
        match operator {
            Operator::Equal | Operator::Same => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
        }
        .into(),
    )
}

fn not(truth: Truth) -> Truth {
    match truth {
        Truth::True => Truth::False,
        Truth::False => Truth::True,
        Truth::Unknown => Truth::Unknown,
    }
}

/// One that is false decides, whatever the others are.
fn all(mut truths: impl Iterator<Item = Option<Truth>>) -> Option<Truth> {
    let together = |so_far, truth| match (so_far, truth) {
        (_, Some(Truth::False)) => Err(Truth::False),
        (None, _) | (_, None) => Ok(None),
        (Some(Truth::True), Some(truth)) => Ok(Some(truth)),
        (unknown, _) => Ok(unknown),
    };
    truths.try_fold(Some(Truth::True), together).unwrap_or_else(Some)
}

/// One that is true decides.
fn any(truths: impl Iterator<Item = Option<Truth>>) -> Option<Truth> {
    all(truths.map(|truth| truth.map(not))).map(not)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(column: &'static str, operator: Operator, value: Value) -> Node {
        let left = Term::Column(ColumnRef { scope: Scope::ROOT, column });
        Node::Compare { left, operator, right: Term::Value(value) }
    }

    fn decided(node: &Node) -> Option<Truth> {
        let (author, name) = (Value::Int(7), Value::Text("x".into()));
        node.decide(&|column: &str| match column {
            "author" => Some(&author),
            "name" => Some(&name),
            "editor" => Some(&Value::Null),
            _ => None,
        })
    }

    #[test]
    fn knows_what_every_engine_says() {
        let is_seven = || number("author", Operator::Equal, Value::Int(7));
        let is_eight = || number("author", Operator::Equal, Value::Int(8));
        let no_editor = || number("editor", Operator::Equal, Value::Int(8));
        let by_name = || number("name", Operator::Equal, Value::Text("x".into()));
        assert_eq!(decided(&is_seven()), Some(Truth::True));
        assert_eq!(decided(&is_eight()), Some(Truth::False));
        assert_eq!(decided(&no_editor()), Some(Truth::Unknown));
        assert_eq!(decided(&Node::Not(Box::new(no_editor()))), Some(Truth::Unknown));
        assert_eq!(decided(&number("editor", Operator::Same, Value::Null)), Some(Truth::True));
        assert_eq!(decided(&by_name()), None, "a collation decides");
        assert_eq!(decided(&number("gone", Operator::Equal, Value::Int(1))), None);

        assert_eq!(decided(&Node::All(vec![])), Some(Truth::True));
        assert_eq!(decided(&Node::Any(vec![])), Some(Truth::False));
        assert_eq!(decided(&Node::All(vec![by_name(), is_eight()])), Some(Truth::False));
        assert_eq!(decided(&Node::All(vec![by_name(), is_seven()])), None);
        assert_eq!(decided(&Node::All(vec![no_editor(), is_seven()])), Some(Truth::Unknown));
        assert_eq!(decided(&Node::Any(vec![by_name(), is_seven()])), Some(Truth::True));
        assert_eq!(decided(&Node::Any(vec![is_eight(), by_name()])), None);
        assert_eq!(decided(&Node::Any(vec![no_editor(), is_eight()])), Some(Truth::Unknown));
    }

    #[test]
    fn knows_lists_and_nulls() {
        let column = |column| Term::Column(ColumnRef { scope: Scope::ROOT, column });
        let list = |of, values: Vec<Value>| Node::In { left: column(of), list: List::Values(values) };
        assert_eq!(decided(&list("author", vec![Value::Int(1), Value::Int(7)])), Some(Truth::True));
        assert_eq!(decided(&list("author", vec![Value::Int(1)])), Some(Truth::False));
        assert_eq!(decided(&list("author", vec![])), Some(Truth::False));
        assert_eq!(decided(&list("author", vec![Value::Null])), Some(Truth::Unknown));
        assert_eq!(decided(&list("name", vec![Value::Text("x".into())])), None);
        assert_eq!(decided(&Node::Null(column("editor"))), Some(Truth::True));
        assert_eq!(decided(&Node::Null(column("author"))), Some(Truth::False));
    }
}
