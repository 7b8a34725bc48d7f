//! A struct from named texts: what paths, query strings, headers, cookies and forms have in common.
//!
//! [`read`] gives serde the texts, and a good request is done after one pass without further cost. When something is
//! wrong, [`read`] looks again, with a stand-in in the place of each value that is known to be wrong or missing, until
//! nothing new is found: so a client learns of all its mistakes at once, although serde stops at the first.
//!
//! Reading order: this file (the loop), `pass` (one pass over all the fields), `value` (one field), `stand_in`.

mod failure;
mod pass;
mod stand_in;
mod value;

use std::borrow::Cow;

use mainstay_core::{Error, Fault, Result, StatusCode};
use serde::de::DeserializeOwned;

pub(crate) use self::failure::Failure;
use self::failure::Kind;
use self::pass::Pass;
pub(crate) use self::stand_in::StandIn;
use super::words;

/// A name and a text.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Where the texts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Path,
    Query,
    Header,
    Cookie,
    /// A body, read as a form.
    Form,
}

impl Origin {
    fn noun(self) -> &'static str {
        match self {
            Self::Path => "path parameter",
            Self::Query => "query parameter",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Form => "field",
        }
    }

    /// The address of a fault, as [`Fault`] defines it.
    pub(crate) fn pointer(self, name: &str) -> String {
        match self {
            Self::Path => format!("path:{name}"),
            Self::Query => format!("query:{name}"),
            Self::Header => format!("header:{}", name.replace('_', "-")),
            Self::Cookie => format!("cookie:{name}"),
            Self::Form => super::pointer::of_key(name),
        }
    }

    /// The error that these faults make: 400 for parameters, 422 for the data of a body.
    #[track_caller]
    pub(crate) fn refuse(self, faults: Vec<Fault>) -> Error {
        let message = match faults.as_slice() {
            [] => format!("A {} cannot be read.", self.noun()),
            [only] => self.sentence(only),
            [first, rest @ ..] => format!("{} And {} more.", self.sentence(first), rest.len()),
        };
        match self {
            Self::Form => Error::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("validation_failed"),
            _ => Error::bad_request(message).code("invalid_parameter"),
        }
        .with_faults(faults)
    }

    fn sentence(self, fault: &Fault) -> String {
        let name = fault.pointer.trim_start_matches('/');
        let name = name.split_once(':').map_or(name, |(_, name)| name);
        format!("The {} `{}`: {}.", self.noun(), words::clip(name), fault.message)
    }
}

/// Reads a `T` from `pairs`, or says everything that is wrong with them.
#[track_caller]
pub(crate) fn read<T: DeserializeOwned>(pairs: Vec<Pair<'_>>, origin: Origin) -> Result<T> {
    read_with(pairs, origin, Vec::new())
}

/// The same where the texts of these names are the numbers of files.
#[track_caller]
pub(crate) fn read_with_files<T: DeserializeOwned>(pairs: Vec<Pair<'_>>, files: Vec<String>) -> Result<T> {
    read_with(pairs, Origin::Form, files)
}

#[track_caller]
fn read_with<T: DeserializeOwned>(mut pairs: Vec<Pair<'_>>, origin: Origin, files: Vec<String>) -> Result<T> {
    if origin != Origin::Path {
        // One field's values become neighbours; the sort is stable, so they keep their order.
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
    }
    let notes = Notes { files, ..Notes::default() };
    match T::deserialize(Pass { pairs: &pairs, origin, notes: &notes }) {
        Ok(value) => Ok(value),
        Err(failure) => look_again(&pairs, origin, failure, notes),
    }
}

/// What is known of the texts after some passes.
#[derive(Default)]
struct Notes {
    /// Fields with a fault that has been written down: a stand-in takes their place.
    faulty: Vec<String>,
    /// Fields that must not be there, written down as well.
    unknown: Vec<String>,
    /// Optional fields whose empty text means that there is nothing.
    empty: Vec<String>,
    /// Texts that are to be given as something else than text.
    hints: Vec<(String, Hint)>,
    /// Fields that are files: their texts are numbers, which nobody but a file may read.
    files: Vec<String>,
}

/// How to give a text to serde where serde does not say what it wants, which is so in flattened structs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    /// As the number or boolean that it looks like.
    Scalar,
    /// As a list of one.
    List,
}

impl Notes {
    fn hint(&self, text: &str) -> Option<Hint> {
        self.hints.iter().find(|(known, _)| known == text).map(|&(_, hint)| hint)
    }

    fn is_file(&self, pairs: &[Pair<'_>]) -> bool {
        !self.files.is_empty()
            && pairs.first().is_some_and(|(name, _)| self.files.iter().any(|file| file == name))
    }

    fn knows(&self, name: &str) -> bool {
        self.faulty.iter().chain(&self.unknown).any(|known| known == name)
    }
}

/// How often a faulty request is looked at. Each look costs as much as reading a good one, so this also bounds what
/// a client can make the server do.
const MOST_LOOKS: usize = 32;

#[cold]
#[track_caller]
fn look_again<T: DeserializeOwned>(
    pairs: &[Pair<'_>],
    origin: Origin,
    first: Failure,
    mut notes: Notes,
) -> Result<T> {
    let mut faults = Vec::new();
    let mut failure = first;
    for _ in 0..MOST_LOOKS {
        if let Kind::Design(problem) = failure.kind {
            return Err(Error::internal(problem).context("a handler takes what no request can give"));
        }
        match failure.remedy(pairs, &notes) {
            Some(Remedy::Empty(name)) => notes.empty.push(name),
            Some(Remedy::Hint(text, hint)) => notes.hints.push((text, hint)),
            None => {
                let Some(name) = failure.field(pairs).filter(|name| !notes.knows(name)) else { break };
                let unknown = matches!(failure.kind, Kind::Unknown(_));
                faults.push(failure.fault(origin.pointer(&name)));
                if unknown { notes.unknown.push(name) } else { notes.faulty.push(name) }
            }
        }
        match T::deserialize(Pass { pairs, origin, notes: &notes }) {
            Ok(value) if faults.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(next) => failure = next,
        }
    }
    if faults.is_empty() {
        let pointer = match failure.field(pairs) {
            Some(name) => origin.pointer(&name),
            None => origin.pointer("").trim_end_matches(['/', ':']).to_owned(),
        };
        faults.push(failure.fault(pointer));
    }
    Err(origin.refuse(faults))
}

/// What may make a failure go away, although nothing is wrong with the request.
enum Remedy {
    Empty(String),
    Hint(String, Hint),
}

impl Failure {
    /// Each remedy is tried once, so the loop that tries them ends.
    fn remedy(&self, pairs: &[Pair<'_>], notes: &Notes) -> Option<Remedy> {
        let Kind::Type { expected, text: Some(text) } = &self.kind else { return None };
        if let Some(name) = &self.name {
            let empty_option = self.optional && text.is_empty() && !notes.empty.contains(name);
            return empty_option.then(|| Remedy::Empty(name.clone()));
        }
        // Without a name the value has gone through serde's buffer for flattened structs, which knows texts only.
        if notes.hint(text).is_some() || !pairs.iter().any(|(_, known)| known == text) {
            return None;
        }
        let hint = if expected == "a list" { Hint::List } else { Hint::Scalar };
        let useful = hint == Hint::List || value::scalar(text).is_some();
        useful.then(|| Remedy::Hint(text.clone(), hint))
    }

    /// The field that is to blame. A buffered value has lost its name: its text finds it, if only one has that text.
    fn field(&self, pairs: &[Pair<'_>]) -> Option<String> {
        if let Some(name) = &self.name {
            return Some(name.clone());
        }
        let text = match &self.kind {
            Kind::Type { text: Some(text), .. } | Kind::Choice { text, .. } => text,
            _ => return None,
        };
        let mut names = pairs.iter().filter(|(_, known)| known == text).map(|(name, _)| name);
        match (names.next(), names.next()) {
            (Some(name), None) => Some(name.clone().into_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
