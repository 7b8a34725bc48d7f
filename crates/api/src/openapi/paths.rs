//! Addresses as the document has them.
//!
//! OpenAPI has no catch-all, and takes two paths that differ in nothing but the names of parameters for one. So operations whose
//! addresses have the same shape share a path, with the names of the first; where two of them have one method, there is room
//! for one: the one that catches less.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mainstay_http::describe::{Operation, Place};
use serde_json::{Map, Value};

/// The paths of a document, by shape.
#[derive(Default)]
pub(super) struct Paths(BTreeMap<String, Item>);

/// A path and its fields.
#[derive(Default)]
pub(super) struct Item {
    template: String,
    names: Vec<String>,
    pub(super) fields: Map<String, Value>,
}

impl Paths {
    /// The path of an operation.
    pub(super) fn of(&mut self, operation: &Operation) -> &mut Item {
        let (shape, template) = templates(&operation.path);
        self.0.entry(shape).or_insert_with(|| {
            let names = operation.path_names().into_iter().map(str::to_owned).collect();
            Item { template, names, fields: Map::new() }
        })
    }

    /// The fields by path.
    pub(super) fn finish(self) -> BTreeMap<String, Map<String, Value>> {
        self.0.into_values().map(|item| (item.template, item.fields)).collect()
    }
}

impl Item {
    /// An operation with the names that parameters have in this path.
    pub(super) fn named<'a>(&self, operation: &'a Operation) -> Cow<'a, Operation> {
        let own = operation.path_names();
        if own == self.names {
            return Cow::Borrowed(operation);
        }
        let mut named = operation.clone();
        for parameter in named.parameters.iter_mut().filter(|parameter| parameter.place == Place::Path) {
            if let Some(at) = own.iter().position(|name| *name == parameter.name) {
                parameter.name.clone_from(&self.names[at]);
            }
        }
        Cow::Owned(named)
    }
}

/// The operations that a document has no room for, each with the one that is there instead, as places in the list.
pub(crate) fn left_out(operations: &[&Operation]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..operations.len()).collect();
    order.sort_by_key(|at| operations[*at].path.contains("{*"));
    let mut shown = BTreeMap::new();
    let left = order.into_iter().filter_map(|at| {
        let (shape, _) = templates(&operations[at].path);
        let there = *shown.entry((shape, operations[at].method.as_str())).or_insert(at);
        (there != at).then_some((at, there))
    });
    left.collect()
}

/// The shape of a pattern, and the pattern as a template: `/files/{}` and `/files/{path}` of `/files/{*path}`. Braces that are
/// text, which are written twice in a pattern, are encoded.
fn templates(pattern: &str) -> (String, String) {
    let (mut shape, mut template) = (String::new(), String::new());
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, behind) = rest.split_at(at);
        let (short, long, next) = if let Some(next) = behind.strip_prefix("{{") {
            ("%7B", Cow::from("%7B"), next)
        } else if let Some(next) = behind.strip_prefix("}}") {
            ("%7D", Cow::from("%7D"), next)
        } else {
            let (name, next) = behind[1..].split_once('}').unwrap_or((&behind[1..], ""));
            ("{}", Cow::from(format!("{{{}}}", name.trim_start_matches('*'))), next)
        };
        shape.extend([text, short]);
        template.extend([text, &long]);
        rest = next;
    }
    shape.push_str(rest);
    template.push_str(rest);
    (shape, template)
}
