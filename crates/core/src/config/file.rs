//! One layer: a TOML file.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use super::tree::{Node, Table, Value};
use crate::Finding;

/// The values of `text`, or every place where it is not TOML. `origin` says where a line of it is.
pub(super) fn parse(
    path: &Arc<Path>,
    text: &str,
    origin: fn(Arc<Path>, usize) -> Origin,
) -> Result<Table, Vec<Finding>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let file = File { path, starts: line_starts(text), origin };
        return Ok(file.table(table.get_ref()));
    }
    let starts = line_starts(text);
    Err(errors
        .iter()
        .map(|error| {
            let place = match error.span() {
                Some(span) => {
                    let line = line_of(&starts, span.start);
                    let column =
                        text.get(starts[line - 1]..span.start).map_or(0, |before| before.chars().count());
                    format!("{}:{line}:{}", path.display(), column + 1)
                }
                None => path.display().to_string(),
            };
            Finding::error(
                "config.E002",
                format!("`{}` is not valid TOML: {}", path.display(), error.message()),
            )
            .at(place)
            .fix("mend the syntax at this place; https://toml.io shows each form")
        })
        .collect())
}

/// A value written in TOML inside a variable: `["a", "b"]`.
pub(super) fn parse_inline(origin: &Origin, text: &str) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Some(convert(&value, &|_| origin.clone()))
}

struct File<'a> {
    path: &'a Arc<Path>,
    /// The byte at which each line starts.
    starts: Vec<usize>,
    origin: fn(Arc<Path>, usize) -> Origin,
}

impl File<'_> {
    fn table(&self, table: &DeTable<'_>) -> Table {
        let origin = |byte| (self.origin)(self.path.clone(), line_of(&self.starts, byte));
        entries(table, &origin)
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Counted from 1.
fn line_of(starts: &[usize], byte: usize) -> usize {
    starts.partition_point(|start| *start <= byte).max(1)
}

fn entries(table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin) -> Table {
    let mut out = Table::new();
    for (key, value) in table.iter() {
        let mut node = convert(value, origin);
        // The line of the key: a long string or list is looked for by its name.
        node.origin = origin(key.span().start);
        out.insert(key.get_ref().to_string(), node);
    }
    out
}

fn convert(value: &Spanned<DeValue<'_>>, origin: &dyn Fn(usize) -> Origin) -> Node {
    let here = origin(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        // A number too large for anything stays text, so that the field that asks for a number refuses and shows it.
        DeValue::Integer(integer) => i128::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| Value::String(integer.to_string()), Value::Integer),
        DeValue::Float(float) => {
            float.as_str().parse().map_or_else(|_| Value::String(float.to_string()), Value::Float)
        }
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| convert(item, origin)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, origin)),
    };
    Node::new(here, value)
}
