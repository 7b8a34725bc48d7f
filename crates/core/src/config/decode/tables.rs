//! Lists and tables, handed to serde entry by entry: without what is at fault, and with holes for what is missing.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess};

use super::Run;
use super::cursor::Cursor;
use super::fault::{Fault, Place};
use super::hole::Hole;
use crate::config::origin::Origin;
use crate::config::report;
use crate::config::tree::{Node, Table};

/// The items of a list, without those at fault.
pub(super) struct Items<'a> {
    nodes: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    key: &'a str,
    run: &'a Run,
}

impl<'a> Items<'a> {
    pub(super) fn new(nodes: &'a [Node], key: &'a str, run: &'a Run) -> Self {
        Self { nodes: nodes.iter().enumerate(), key, run }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        for (index, node) in self.nodes.by_ref() {
            let key = format!("{}[{index}]", self.key);
            if !self.run.is_dropped(&key) {
                let place = Place::of(&key, node);
                let cursor = Cursor { node, key, run: self.run };
                return seed.deserialize(cursor).map(Some).map_err(|fault| fault.at(place));
            }
        }
        Ok(None)
    }
}

/// The entries of a table: without those at fault, and with the holes that let decoding go on.
pub(super) struct Entries<'a> {
    entries: std::vec::IntoIter<(String, Option<&'a Node>)>,
    current: Option<(String, Option<&'a Node>)>,
    key: String,
    run: &'a Run,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        table: &'a Table,
        key: &str,
        fields: Option<&'static [&'static str]>,
        run: &'a Run,
    ) -> Self {
        let state = &mut *run.state.borrow_mut();
        let mut entries = Vec::new();
        for (name, node) in table {
            let path = format!("{key}.{name}");
            if state.dropped.contains(&path) {
                continue;
            }
            match fields {
                Some(fields) if !fields.contains(&name.as_str()) => {
                    state.findings.push(report::unknown_key(key, name, node, fields));
                    state.dropped.insert(path);
                }
                _ => entries.push((name.clone(), Some(node))),
            }
        }
        for hole in &state.holes {
            if let Some((parent, name)) = hole.rsplit_once('.')
                && parent == key
            {
                entries.push((name.to_owned(), None));
            }
        }
        Self { entries: entries.into_iter(), current: None, key: key.to_owned(), run }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.current = self.entries.next();
        let Some((name, node)) = &self.current else { return Ok(None) };
        let deserializer: StrDeserializer<'_, Fault> = name.as_str().into_deserializer();
        seed.deserialize(deserializer).map(Some).map_err(|fault| {
            let origin = node.map_or(Origin::Default, |node| node.origin.clone());
            fault.at(Place::without_value(format!("{}.{name}", self.key), origin, format!("{name:?}")))
        })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some((name, node)) = self.current.take() else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        let key = format!("{}.{name}", self.key);
        match node {
            Some(node) => {
                let place = Place::of(&key, node);
                seed.deserialize(Cursor { node, key, run: self.run }).map_err(|fault| fault.at(place))
            }
            None => seed
                .deserialize(Hole)
                .map_err(|fault| fault.at(Place::without_value(key, Origin::Default, String::new()))),
        }
    }
}
