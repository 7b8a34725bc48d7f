//! JSON Patch (RFC 6902): the operations are applied to the row as its writer sees it, and what they have changed is written.

use json_patch::{Patch, PatchErrorKind, PatchOperation};
use mainstay_core::{Error, Fault, Result};
use mainstay_db::meta::{Member, ModelMeta};
use serde_json::value::RawValue;
use serde_json::{Map, Value, from_str, to_vec};

/// The most operations of a patch.
const MOST: usize = 100;

/// The deepest row that a patch may make: as deep as a document is read.
const DEEPEST: usize = 127;

/// The largest row that a patch may make, in bytes. Each copy may double it.
const LARGEST: usize = 4 * 1024 * 1024;

/// The fields that `patch` changes in the row that is `before`, as an object of their new values.
pub(crate) fn changes(meta: &'static ModelMeta, before: &str, patch: &RawValue) -> Result<Box<RawValue>> {
    let Ok(Patch(operations)) = from_str(patch.get()) else { return Err(unreadable(patch)) };
    if operations.len() > MOST {
        return Err(invalid("", "too_many", format!("there are more than {MOST} operations")));
    }
    let before: Value = from_str(before)?;
    let mut after = before.clone();
    for (position, operation) in operations.iter().enumerate() {
        let place = format!("/{position}");
        json_patch::patch(&mut after, std::slice::from_ref(operation))
            .map_err(|error| refused(&place, operation, &error.kind))?;
        if is_deeper_than(&after, DEEPEST) {
            return Err(invalid(&place, "type", "makes the row deeper than 127 levels"));
        }
        if matches!(operation, PatchOperation::Copy(_)) && to_vec(&after)?.len() > LARGEST {
            return Err(invalid(&place, "too_long", "makes the row larger than 4 MiB"));
        }
    }
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Err(invalid("", "type", "a row stays an object"));
    };
    let changed = difference(meta, &meta.members(), before, after);
    Ok(RawValue::from_string(Value::Object(changed).to_string())?)
}

/// What is other than before. What is gone has no value; a part is looked into, since only a part of it may have changed.
fn difference(
    meta: &'static ModelMeta,
    members: &[Member],
    mut before: Map<String, Value>,
    after: Map<String, Value>,
) -> Map<String, Value> {
    let mut changed = Map::new();
    for (name, new) in after {
        let part = members.iter().find_map(|member| match *member {
            Member::Part(first, part) if part.name == name => Some(meta.members_of(part, first)),
            _ => None,
        });
        match (before.remove(&name), new, part) {
            (Some(Value::Object(old)), Value::Object(new), Some(members)) => {
                let inner = difference(meta, &members, old, new);
                if !inner.is_empty() {
                    changed.insert(name, Value::Object(inner));
                }
            }
            (Some(old), new, _) if old == new => {}
            (_, new, _) => {
                changed.insert(name, new);
            }
        }
    }
    changed.extend(before.into_iter().map(|(name, _)| (name, Value::Null)));
    changed
}

fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| is_deeper_than(value, levels - 1))
}

fn invalid(place: &str, code: &'static str, message: impl Into<String>) -> Error {
    Error::invalid(vec![Fault::new(place, code, message)])
}

/// What is wrong with a list of operations that is none.
fn unreadable(patch: &RawValue) -> Error {
    let Ok(operations) = from_str::<Vec<&RawValue>>(patch.get()) else {
        return invalid("", "type", "expected a list of operations (RFC 6902)");
    };
    let faults = operations.iter().enumerate().filter_map(|(position, operation)| {
        let error = from_str::<PatchOperation>(operation.get()).err()?;
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Some(Fault::new(format!("/{position}"), "type", format!("is no operation: {message}")))
    });
    Error::invalid(faults.collect())
}

/// An operation that cannot be done. A test that fails is about the row, every other about the request.
fn refused(place: &str, operation: &PatchOperation, kind: &PatchErrorKind) -> Error {
    match kind {
        PatchErrorKind::TestFailed => {
            let message = format!("`{}` has another value", operation.path());
            Error::conflict("The row is not what the patch expects.")
                .code("patch_test_failed")
                .with_faults(vec![Fault::new(place, "test", message)])
        }
        kind => invalid(place, "path", kind.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use mainstay_db::{Model, model};

    use super::*;

    /// A thing.
    #[model]
    pub struct Thing {
        pub id: i64,
        pub name: String,
        pub note: Option<String>,
        pub details: Option<mainstay_db::Json<Value>>,
    }

    const BEFORE: &str = r#"{"id":1,"name":"a","note":"n","details":{"x":[1,2],"y":null}}"#;

    fn of(patch: &str) -> Result<Value> {
        let patch: Box<RawValue> = from_str(patch).unwrap();
        Ok(from_str(changes(Thing::META, BEFORE, &patch)?.get())?)
    }

    #[test]
    fn writes_what_has_changed() {
        let changed = of(
            r#"[{"op":"test","path":"/name","value":"a"},{"op":"replace","path":"/name","value":"b"},
            {"op":"remove","path":"/note"},{"op":"add","path":"/details/x/-","value":3},{"op":"copy","from":"/id","path":"/details/z"}]"#,
        );
        let expected = serde_json::json!({ "name": "b", "note": null, "details": { "x": [1, 2, 3], "y": null, "z": 1 } });
        assert_eq!(changed.unwrap(), expected);
        assert_eq!(of("[]").unwrap(), serde_json::json!({}));
    }

    #[test]
    fn refuses_what_cannot_be_done_and_says_which() {
        let refusal = |patch: &str| {
            let error = of(patch).unwrap_err();
            let places: Vec<_> = error.faults().iter().map(|fault| fault.pointer.clone()).collect();
            (error.status().as_u16(), places.join(","))
        };
        assert_eq!(refusal(r#"[{"op":"test","path":"/name","value":"z"}]"#), (409, "/0".into()));
        assert_eq!(
            refusal(r#"[{"op":"remove","path":"/note"},{"op":"remove","path":"/note"}]"#),
            (422, "/1".into())
        );
        assert_eq!(
            refusal(r#"[{"op":"grow","path":"/a"},{"op":"remove"},{"op":"remove","path":"/note"}]"#),
            (422, "/0,/1".into())
        );
        assert_eq!(refusal(r#"{"name":"b"}"#), (422, String::new()));
        assert_eq!(refusal(r#"[{"op":"replace","path":"","value":[]}]"#), (422, String::new()));
        let deeper = r#"{"op":"copy","from":"/details","path":"/details/x/0"}"#;
        assert_eq!(refusal(&format!("[{}]", vec![deeper; 80].join(","))).0, 422);
        let doubling =
            format!("[{}]", vec![r#"{"op":"copy","from":"","path":"/details/x/-"}"#; 100].join(","));
        assert_eq!(refusal(&doubling).0, 422);
        assert_eq!(refusal(&format!("[{}]", vec![r#"{"op":"remove","path":"/a"}"#; 101].join(","))).0, 422);
    }
}
