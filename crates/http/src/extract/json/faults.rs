//! Every fault of a document, although serde stops at the first.
//!
//! The document is read again with the way to each value noted. What is wrong there is written down and mended: a
//! member that is not known is taken out, and any other value becomes one that fits, guessed from what serde says it
//! wanted. Then the document is read again, until nothing new is found. What is read in the end is thrown away.

use mainstay_core::Fault;
use mainstay_core::pointer::unescaped;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::plain;
use crate::extract::diagnosis::Diagnosis;
use crate::extract::pointer;

/// How often a document is read at most.
const MOST_LOOKS: usize = 32;

/// How many bytes are read at most, over all looks: a large document is not read as often as a small one.
const MOST_BYTES: usize = 1024 * 1024;

/// A guess is mended at most so often: missing becomes `null`, `null` becomes a number, …
const MOST_GUESSES: usize = 3;

/// The faults of a document that is well-formed, and failed with `error`.
pub(super) fn find<T: DeserializeOwned>(document: &[u8], error: &serde_json::Error) -> Vec<Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    let (diagnosis, place) = match look::<T, _>(&mut deserializer) {
        Some(failure) => failure,
        None => (Diagnosis::of(&plain(error)), String::new()),
    };
    let first = diagnosis.clone().into_fault(place);
    let looks = (MOST_BYTES / document.len().max(1)).min(MOST_LOOKS);
    match serde_json::from_slice(document) {
        Ok(value) if looks > 0 => look_again::<T>(value, first, diagnosis, looks),
        _ => vec![first],
    }
}

/// Reads a document, and says what is wrong and where.
fn look<'de, T: DeserializeOwned, D>(deserializer: D) -> Option<(Diagnosis, String)>
where
    D: serde::Deserializer<'de, Error = serde_json::Error>,
{
    let error = serde_path_to_error::deserialize::<_, T>(deserializer).err()?;
    Some((Diagnosis::of(&plain(error.inner())), pointer::of_path(error.path())))
}

fn look_again<T: DeserializeOwned>(
    mut value: Value,
    mut fault: Fault,
    mut diagnosis: Diagnosis,
    looks: usize,
) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let mut guesses: Vec<(String, usize)> = Vec::new();
    for _ in 0..looks {
        let pointer = fault.pointer.clone();
        match guesses.iter_mut().find(|(known, _)| *known == pointer) {
            Some((_, times)) if *times >= MOST_GUESSES => break,
            Some((_, times)) => *times += 1,
            None => {
                // Inside of what has been mended, or around it, only our own guesses are wrong.
                if !faults.iter().any(|known| related(&known.pointer, &pointer)) {
                    faults.push(fault);
                }
                guesses.push((pointer.clone(), 1));
            }
        }
        if !mend(&mut value, &pointer, &diagnosis) {
            break;
        }
        match look::<T, _>(&value) {
            Some((next, place)) => {
                fault = next.clone().into_fault(place);
                diagnosis = next;
            }
            None => break,
        }
    }
    faults
}

/// Whether one of two places is inside the other.
fn related(left: &str, right: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(left, right) || within(right, left)
}

/// Makes the document fit at this place, or says that it does not know how.
fn mend(document: &mut Value, pointer: &str, diagnosis: &Diagnosis) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    let member = unescaped(last);
    match diagnosis.code {
        // Of two members with one name, a tree keeps the last.
        "repeated" => true,
        "unknown_field" => object(document, parent).is_some_and(|object| object.remove(&member).is_some()),
        "required" => object(document, parent).is_some_and(|object| {
            object.insert(member, Value::Null);
            true
        }),
        _ => match (document.pointer_mut(pointer), guess(diagnosis)) {
            (Some(place), Some(value)) => {
                *place = value;
                true
            }
            _ => false,
        },
    }
}

fn object<'d>(document: &'d mut Value, pointer: &str) -> Option<&'d mut Map<String, Value>> {
    document.pointer_mut(pointer)?.as_object_mut()
}

/// A value of the type that serde wanted.
fn guess(diagnosis: &Diagnosis) -> Option<Value> {
    let wanted = diagnosis.wanted.as_str();
    let is_integer = |name: &str| {
        let rest = name.strip_prefix(['u', 'i']);
        rest.is_some_and(|rest| rest == "size" || rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let last = wanted.rsplit(' ').next().unwrap_or_default();
    Some(match wanted {
        // The type's own reading refuses what is there: `null` says at least what it wants instead.
        "" | "unit" => Value::Null,
        "f32" | "f64" => Value::from(1.0),
        "a boolean" => Value::from(false),
        "a character" => Value::from("a"),
        "a sequence" | "an array" => Value::from(Vec::<Value>::new()),
        "a map" => Value::from(Map::new()),
        _ if is_integer(last) || wanted.contains("integer") => Value::from(1),
        _ if wanted.contains("string") => Value::from(""),
        _ if wanted.starts_with("struct ") => Value::from(Map::new()),
        _ if wanted.contains("tuple") => {
            let count = wanted.split(' ').find_map(|word| word.parse::<u8>().ok())?;
            Value::from(vec![Value::Null; count.into()])
        }
        // One of the names that are listed.
        _ => Value::from(wanted.split('`').nth(1)?),
    })
}
