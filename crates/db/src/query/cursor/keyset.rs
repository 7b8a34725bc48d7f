//! The condition that a row comes after another one in an order.

use crate::expression::{Direction, Node, Nulls, Operator, OrderTerm, Term};
use crate::value::Value;

/// Rows that come after one with these values: `a > 1 OR (a = 1 AND b > 2) OR …`, for each direction and with NULLs in their
/// place.
pub(super) fn after(order: &[OrderTerm], values: Vec<Value>) -> Node {
    let mut ways = Vec::with_capacity(order.len());
    let mut equal = Vec::new();
    for (term, value) in order.iter().zip(&values) {
        if let Some(beyond) = beyond(term, value) {
            let mut way = equal.clone();
            way.push(beyond);
            ways.push(Node::All(way));
        }
        equal.push(same(term, value));
    }
    let ways = Node::Any(ways);
    // What follows from the rest, in a form that every engine can look up in an index.
    match (order.first(), values.first()) {
        (Some(first), Some(value)) if order.len() > 1 && !first.nullable => {
            let at_least = match first.direction {
                Direction::Ascending => Operator::GreaterOrEqual,
                Direction::Descending => Operator::LessOrEqual,
            };
            Node::All(vec![compare(first, at_least, value), ways])
        }
        _ => ways,
    }
}

fn same(order: &OrderTerm, value: &Value) -> Node {
    match value {
        Value::Null => Node::Null(order.term.clone()),
        value => compare(order, Operator::Equal, value),
    }
}

/// What comes after that value; `None` if nothing does.
fn beyond(order: &OrderTerm, value: &Value) -> Option<Node> {
    let null = || Node::Null(order.term.clone());
    let after = match order.direction {
        Direction::Ascending => Operator::Greater,
        Direction::Descending => Operator::Less,
    };
    match (value, order.nulls) {
        (Value::Null, Some(Nulls::First)) => Some(Node::Not(Box::new(null()))),
        (Value::Null, _) => None,
        (value, Some(Nulls::Last)) => Some(Node::Any(vec![compare(order, after, value), null()])),
        (value, _) => Some(compare(order, after, value)),
    }
}

fn compare(order: &OrderTerm, operator: Operator, value: &Value) -> Node {
    Node::Compare { left: order.term.clone(), operator, right: Term::Value(value.clone()) }
}
