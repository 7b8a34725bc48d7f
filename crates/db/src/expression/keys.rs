//! Conditions on keys, of one column or of several. A key is one value here: that of its column, or the list of those of its
//! columns.

use super::{ColumnRef, List, Node, Operator, Scope, Term};
use crate::value::Value;

/// What a key has in each of its columns.
pub(crate) fn parts(key: &Value) -> &[Value] {
    match key {
        Value::List(parts) => parts,
        only => std::slice::from_ref(only),
    }
}

/// These columns have this key.
pub(crate) fn is_key(scope: Scope, columns: &[&'static str], key: &Value) -> Node {
    let part = |(column, value): (&&'static str, &Value)| Node::Compare {
        left: Term::Column(ColumnRef { scope, column }),
        operator: Operator::Equal,
        right: Term::Value(value.clone()),
    };
    let mut nodes: Vec<Node> = columns.iter().zip(parts(key)).map(part).collect();
    match nodes.len() {
        1 => nodes.remove(0),
        _ => Node::All(nodes),
    }
}

/// These columns have one of these keys.
pub(crate) fn is_among(scope: Scope, columns: &[&'static str], keys: Vec<Value>) -> Node {
    if let [column] = *columns {
        return Node::In { left: Term::Column(ColumnRef { scope, column }), list: List::Values(keys) };
    }
    let columns = columns.iter().map(|column| ColumnRef { scope, column }).collect();
    let terms = |key: Value| parts(&key).iter().cloned().map(Term::Value).collect();
    Node::Among { columns, keys: keys.into_iter().map(terms).collect() }
}

/// These columns have a key, and not this one.
pub(crate) fn is_other_key(scope: Scope, columns: &[&'static str], key: &Value) -> Node {
    match is_key(scope, columns, key) {
        Node::Compare { left, right, .. } => Node::Compare { left, operator: Operator::NotEqual, right },
        same => {
            let no_key = is_no_key(scope, columns);
            Node::All(vec![Node::Not(Box::new(no_key)), Node::Not(Box::new(same))])
        }
    }
}

/// One of these columns has no value: there is no key.
pub(crate) fn is_no_key(scope: Scope, columns: &[&'static str]) -> Node {
    let null = |column: &&'static str| Node::Null(Term::Column(ColumnRef { scope, column }));
    let mut nodes: Vec<Node> = columns.iter().map(null).collect();
    match nodes.len() {
        1 => nodes.remove(0),
        _ => Node::Any(nodes),
    }
}
