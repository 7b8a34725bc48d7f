//! What has changed between two documents in a way that breaks who relied on the first.
//!
//! A request that was good must stay good, and an answer must not hold what nobody could expect. So what requests may be can only
//! grow, and what answers may be can only shrink: the same rules, read in two directions.
//!
//! Reading order: this file (operations and their parts), `schemas` (what a value may be), `variants` (one of several schemas),
//! `view` (a schema with everything that holds for it).

mod schemas;
mod variants;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use serde_json::{Map, Value};

use super::METHODS;
use view::{View, list, object, text};

/// A change that breaks clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Break {
    /// Where: `POST /articles: body/title`.
    pub place: String,
    /// What: `is required now`.
    pub change: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.change)
    }
}

/// What `new` breaks for clients of `old`, in the order of the paths.
pub fn breaks(old: &Value, new: &Value) -> Vec<Break> {
    let mut compare = Compare { old, new, found: BTreeSet::new(), seen: HashSet::new() };
    let now: BTreeMap<_, _> = operations(new).map(|one| ((unnamed(one.path), one.method), one)).collect();
    for before in operations(old) {
        let place = format!("{} {}", before.method.to_uppercase(), before.path);
        match now.get(&(unnamed(before.path), before.method)) {
            None => compare.add(&place, "is not there any more"),
            Some(now) => compare.operation(&place, before, *now),
        }
    }
    compare.found.into_iter().collect()
}

/// One method of one path.
#[derive(Clone, Copy)]
struct Operation<'d> {
    path: &'d str,
    method: &'d str,
    described: &'d Value,
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    object(document.get("paths")).flat_map(|(path, item)| {
        let methods = object(Some(item)).filter(|(method, _)| METHODS.contains(&method.as_str()));
        methods.map(move |(method, described)| Operation { path, method, described })
    })
}

/// The path whatever its parameters are called: clients only see what they put in.
fn unnamed(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| {
        let rest = part.split_once('}').map_or(part, |(_, rest)| rest);
        format!("{path}{{}}{rest}")
    })
}

/// Which way values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// From clients: whatever was taken must still be.
    In,
    /// To clients: whatever is given must have been expected.
    Out,
}

struct Compare<'d> {
    old: &'d Value,
    new: &'d Value,
    found: BTreeSet<Break>,
    /// The pairs of schemas that have been looked at within one body, answer or parameter: what refers to itself, or is there
    /// twice, is looked at once.
    seen: HashSet<(*const Value, *const Value)>,
}

impl<'d> Compare<'d> {
    fn add(&mut self, place: &str, change: impl Into<String>) {
        self.found.insert(Break { place: place.to_owned(), change: change.into() });
    }

    fn operation(&mut self, place: &str, old: Operation<'d>, new: Operation<'d>) {
        self.parameters(place, old, new);
        let (old, new) = (old.described, new.described);
        let (before, now) = (old.get("requestBody"), new.get("requestBody"));
        if let Some(now) = now {
            let is_required = |body: &Value| body.get("required").and_then(Value::as_bool).unwrap_or(false);
            if is_required(now) && !before.is_some_and(is_required) {
                self.add(place, "needs a body now");
            }
            self.contents(&format!("{place}: body"), before, Some(now), Way::In);
        } else if before.is_some() {
            self.add(place, "takes no body any more");
        }
        for (status, answer) in object(old.get("responses")) {
            let is_success = status.starts_with('2') || status == "default";
            let now = new.get("responses").and_then(|responses| responses.get(status));
            match now {
                None if is_success => self.add(place, format!("does not answer with {status} any more")),
                // What is not answered any more breaks nobody who was ready for it.
                None => {}
                Some(now) => self.contents(&format!("{place}: {status}"), Some(answer), Some(now), Way::Out),
            }
        }
        let asks = |operation: &Value| {
            let all = list(operation, "security");
            !all.is_empty() && !all.iter().any(|one| one.as_object().is_some_and(Map::is_empty))
        };
        if asks(new) && !asks(old) {
            self.add(place, "is only for who is signed in now");
        }
    }

    fn parameters(&mut self, place: &str, old: Operation<'d>, new: Operation<'d>) {
        let is_required = |parameter: &Value| parameter.get("required") == Some(&Value::Bool(true));
        let (before, now) = (list(old.described, "parameters"), list(new.described, "parameters"));
        for parameter in now {
            let known = before.iter().find(|known| key(old.path, known) == key(new.path, parameter));
            let place = format!("{place}: {} `{}`", text(parameter, "in"), text(parameter, "name"));
            let Some(known) = known else {
                if is_required(parameter) {
                    self.add(&place, "is required now");
                }
                continue;
            };
            if is_required(parameter) && !is_required(known) {
                self.add(&place, "is required now");
            }
            self.written(&place, known, parameter);
            self.whole(&place, known.get("schema"), parameter.get("schema"), Way::In);
        }
        for parameter in before {
            if !now.iter().any(|known| key(new.path, known) == key(old.path, parameter)) {
                let name = format!("{place}: {} `{}`", text(parameter, "in"), text(parameter, "name"));
                self.add(&name, "is not known any more");
            }
        }
    }

    /// How the values of a list or an object stand beside each other; a single value is written in one way only.
    fn written(&mut self, place: &str, old: &'d Value, new: &'d Value) {
        let is_single = |document: &'d Value, parameter: &'d Value| {
            let types = parameter.get("schema").and_then(|schema| View::of(document, schema).types());
            types.is_some_and(|types| !types.contains("array") && !types.contains("object"))
        };
        let (before, now) = (style(old), style(new));
        if before != now && !(is_single(self.old, old) && is_single(self.new, new)) {
            let (style, explode) = now;
            self.add(place, format!("is written otherwise now: `style: {style}`, `explode: {explode}`"));
        }
    }

    fn contents(&mut self, place: &str, old: Option<&'d Value>, new: Option<&'d Value>, way: Way) {
        let schema = |of: Option<&'d Value>, media: &str| of?.get("content")?.get(media)?.get("schema");
        for (media, _) in object(old.and_then(|old| old.get("content"))) {
            if new.and_then(|new| new.get("content")?.get(media)).is_none() {
                self.add(place, format!("is `{media}` no more"));
                continue;
            }
            self.whole(place, schema(old, media), schema(new, media), way);
        }
    }

    /// The schemas of a whole body, answer or parameter.
    fn whole(&mut self, place: &str, old: Option<&'d Value>, new: Option<&'d Value>, way: Way) {
        self.seen.clear();
        if let (Some(old), Some(new)) = (old, new) {
            self.schemas(place, old, new, way);
        }
    }
}

/// What parameters are known by: those of the path by their place in it, headers in any case.
fn key(path: &str, parameter: &Value) -> (String, String) {
    let (place, name) = (text(parameter, "in"), text(parameter, "name"));
    let name = match place {
        "path" => {
            let mut names = path.split('{').skip(1).filter_map(|part| part.split('}').next());
            names.position(|other| other == name).map_or_else(|| name.to_owned(), |at| at.to_string())
        }
        "header" => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    };
    (place.to_owned(), name)
}

/// `style` and `explode`, or what is meant where they are not given.
fn style(parameter: &Value) -> (&str, bool) {
    let usual = if matches!(text(parameter, "in"), "query" | "cookie") { "form" } else { "simple" };
    let style = parameter.get("style").and_then(Value::as_str).unwrap_or(usual);
    (style, parameter.get("explode").and_then(Value::as_bool).unwrap_or(style == "form"))
}

#[cfg(test)]
mod tests;
