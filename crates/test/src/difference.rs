//! Where one JSON differs from another.

use mainstay_core::pointer::escaped;
use serde_json::Value;

/// How much of the found JSON must have been expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Exactly,
    /// Objects may have members that were not expected.
    AtLeast,
}

/// One line for each place, with its JSON pointer.
pub(crate) fn differences(expected: &Value, found: &Value, extent: Extent) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", expected, found, extent, &mut lines);
    lines
}

fn compare(place: &str, expected: &Value, found: &Value, extent: Extent, lines: &mut Vec<String>) {
    let shown = if place.is_empty() { "the whole" } else { place };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, value) in expected {
                let place = format!("{place}/{}", escaped(key));
                match found.get(key) {
                    Some(found) => compare(&place, value, found, extent, lines),
                    None => lines.push(format!("{place}: expected {value}, and it is missing")),
                }
            }
            if extent == Extent::Exactly {
                for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    lines.push(format!("{place}/{key}: not expected, and it is {value}"));
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                lines.push(format!("{shown}: expected {} elements, found {}", expected.len(), found.len()));
            }
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(&format!("{place}/{index}"), expected, found, extent, lines);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => lines.push(format!("{shown}: expected {expected}, found {found}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_each_place() {
        let expected = json!({ "a": { "b": 1, "c/d": 2 }, "list": [1, 2], "gone": true });
        let found = json!({ "a": { "b": 2, "c/d": 3, "e": 4 }, "list": [1, 3, 5] });
        let lines = [
            "/a/b: expected 1, found 2",
            "/a/c~1d: expected 2, found 3",
            "/a/e: not expected, and it is 4",
            "/gone: expected true, and it is missing",
            "/list: expected 2 elements, found 3",
            "/list/1: expected 2, found 3",
        ];
        assert_eq!(differences(&expected, &found, Extent::Exactly), lines);
        assert_eq!(differences(&expected, &found, Extent::AtLeast).len(), 5);
    }

    #[test]
    fn finds_nothing_in_the_same() {
        let value = json!({ "a": [{ "b": null }] });
        assert_eq!(differences(&value, &value, Extent::Exactly), Vec::<String>::new());
        assert_eq!(
            differences(&json!(1), &json!("1"), Extent::AtLeast),
            ["the whole: expected 1, found \"1\""]
        );
    }
}
