//! Values with their origins, merged layer over layer.

use std::collections::BTreeMap;

use super::origin::Origin;

/// A table's entries.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was said.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// A value before a type has asked for it.
#[derive(Clone)]
pub(super) enum Value {
    /// From a variable or the command line: becomes whatever the type asks for.
    Text(String),
    /// A string in a file: is one, and nothing else.
    String(String),
    /// Wide enough for `i64` and `u64`.
    Integer(i128),
    Float(f64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
}

impl Node {
    pub(super) fn new(origin: Origin, value: Value) -> Self {
        Self { origin, value }
    }

    pub(super) fn empty_table() -> Self {
        Self::new(Origin::Default, Value::Table(Table::new()))
    }

    /// The value as a person would write it.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Text(text) | Value::String(text) => format!("{text:?}"),
            Value::Integer(integer) => format!("`{integer}`"),
            Value::Float(float) => format!("`{float}`"),
            Value::Boolean(boolean) => format!("`{boolean}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }

    /// The text itself, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Lays `above` over `below`: tables are joined, everything else is replaced.
pub(super) fn merge(below: &mut Table, above: Table) {
    for (name, node) in above {
        match below.get_mut(&name) {
            Some(Node { value: Value::Table(lower), .. }) if matches!(node.value, Value::Table(_)) => {
                if let Value::Table(upper) = node.value {
                    merge(lower, upper);
                }
            }
            _ => {
                below.insert(name, node);
            }
        }
    }
}

/// Puts `node` at `path`, and makes the tables on the way.
pub(super) fn insert(table: &mut Table, path: &[String], node: Node) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(first.clone(), node);
        return;
    }
    let entry = table
        .entry(first.clone())
        .or_insert_with(|| Node::new(node.origin.clone(), Value::Table(Table::new())));
    if !matches!(entry.value, Value::Table(_)) {
        *entry = Node::new(node.origin.clone(), Value::Table(Table::new()));
    }
    if let Value::Table(inner) = &mut entry.value {
        insert(inner, rest, node);
    }
}

/// Who said the value at `path`: itself, or the list or text that contains it.
pub(super) fn origin_of(table: &Table, path: &[&str]) -> Origin {
    let Some((first, rest)) = path.split_first() else { return Origin::Default };
    match table.get(*first) {
        None => Origin::Default,
        Some(node) if rest.is_empty() => node.origin.clone(),
        Some(Node { value: Value::Table(inner), .. }) => origin_of(inner, rest),
        Some(node) => node.origin.clone(),
    }
}
