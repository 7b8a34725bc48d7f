//! JSON Merge Patch (RFC 7396), on documents as they are written: what a patch does not name keeps every digit.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Entries;

/// The document that `patch` makes of `before`. Both are JSON.
pub(super) fn merge(before: &str, patch: &str) -> String {
    let Some(changes) = members(patch) else { return patch.to_owned() };
    let mut merged: BTreeMap<String, String> = members(before).unwrap_or_default();
    for (name, change) in changes {
        if change == "null" {
            merged.remove(&name);
        } else {
            let old = merged.get(&name).map_or("null", String::as_str);
            let new = merge(old, &change);
            merged.insert(name, new);
        }
    }
    let members = merged.into_iter().map(|(name, value)| {
        // A text is always JSON.
        format!("{}:{value}", serde_json::to_string(&name).unwrap_or_default())
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The members of an object; none if it is something else.
fn members(json: &str) -> Option<BTreeMap<String, String>> {
    let Entries(entries) = serde_json::from_str::<Entries<'_>>(json).ok()?;
    Some(
        entries
            .into_iter()
            .map(|(name, value): (String, &RawValue)| (name, value.get().to_owned()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the RFC's appendix A, and numbers that no `f64` holds.
    #[test]
    fn merges_as_the_rfc_says() {
        for (before, patch, after) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            (
                r#"{"n":123456789012345678901234567890}"#,
                r#"{"é\"":1.50}"#,
                r#"{"n":123456789012345678901234567890,"é\"":1.50}"#,
            ),
        ] {
            assert_eq!(merge(before, patch), after, "{before} {patch}");
        }
    }
}
