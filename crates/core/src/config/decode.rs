//! serde over the tree: a type asks, the tree answers, and every fault is found in one go.
//!
//! A derived `Deserialize` stops at its first error. So a section is decoded again and again: each time a fault is
//! found it is noted, the value at fault is left out, and decoding starts anew, until it succeeds or gets no further. A
//! struct tells its fields' names when it asks for itself, which is how unknown keys are found without a macro.
//!
//! Read in this order: [`decode`]; `cursor` (the deserializer); `tables`; `hole`; `fault`.

mod cursor;
mod fault;
mod hole;
mod tables;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use self::cursor::Cursor;
use self::fault::Refusal;
pub(super) use self::fault::{Fault, Kind, Place};
use super::report;
use super::tree::Node;
use crate::Finding;

/// What came of a section: its value, if nothing was wrong, and what was.
pub(super) struct Decoded<T> {
    pub(super) value: Option<T>,
    pub(super) findings: Vec<Finding>,
}

/// Decodes the table called `name`.
pub(super) fn decode<T: DeserializeOwned>(
    name: &str,
    node: Option<&Node>,
    aliases: report::Aliases,
) -> Decoded<T> {
    let empty = Node::empty_table();
    let run = Run { aliases, state: RefCell::default() };
    let mut value = None;
    loop {
        let node = if run.is_dropped(name) { &empty } else { node.unwrap_or(&empty) };
        match T::deserialize(Cursor { node, key: name.to_owned(), run: &run }) {
            Ok(complete) => {
                value = Some(complete);
                break;
            }
            Err(fault) => {
                if !run.note(fault.at(Place::of(name, node))) {
                    break;
                }
            }
        }
    }
    let findings = run.state.into_inner().findings;
    Decoded { value: value.filter(|_| findings.is_empty()), findings }
}

/// What is known so far about one section.
struct Run {
    aliases: report::Aliases,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    findings: Vec<Finding>,
    /// Keys at fault, left out from the next attempt on.
    dropped: BTreeSet<String>,
    /// Keys that must be there for decoding to go on, filled with anything.
    holes: BTreeSet<String>,
    /// Keys whose type is a `Secret`.
    secrets: BTreeSet<String>,
}

impl Run {
    fn is_dropped(&self, key: &str) -> bool {
        self.state.borrow().dropped.contains(key)
    }

    /// Reports the fault and works around it; false when there is no way around.
    fn note(&self, fault: Fault) -> bool {
        let state = &mut *self.state.borrow_mut();
        let Refusal { place: Some(place), kind } = *fault.0 else { return false };
        let key = match &kind {
            Kind::Missing(field) => format!("{}.{field}", place.key),
            _ => place.key.clone(),
        };
        // A fault at or under what was left out is of our own making.
        let own = |set: &BTreeSet<String>| {
            set.iter().any(|known| {
                key.strip_prefix(known.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        let ours = own(&state.dropped) || own(&state.holes);
        if !ours {
            let secret = state.secrets.contains(&key);
            state.findings.push(report::refused(&place, &kind, secret, self.aliases));
        }
        match kind {
            Kind::Missing(_) => state.holes.insert(key),
            _ => state.dropped.insert(key),
        }
    }
}
