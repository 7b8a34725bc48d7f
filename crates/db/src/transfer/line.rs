//! What is written in a line.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use mainstay_core::{Error, StatusCode};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::DbError;

/// A line, taken apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) model: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) fields: Fields<'a>,
}

/// Names and values, in their order.
pub(super) struct Fields<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'a> Line<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|fault| {
            // It counts lines in what it was given, which is one line.
            let said = fault.to_string();
            let what = said.rsplit_once(" at line ").map_or(&*said, |(what, _)| what);
            format!("{what} at column {}; expected `{{\"model\": \"…\", \"fields\": {{…}}}}`", fault.column())
        })
    }
}

impl<'a> Fields<'a> {
    /// The names and values of an object; nothing if it is none.
    pub(super) fn of(json: &'a RawValue) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if fields.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format_args!("`{name}` is there twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// Where a row is written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) source: Arc<str>,
    pub(super) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.source, self.line)
    }
}

impl Place {
    /// What is wrong with the line.
    pub(super) fn wrong(&self, what: impl fmt::Display) -> Error {
        Error::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{self}: {what}")).code("not_loadable")
    }

    /// What the model layer or the database says of the row. A failure that is no fault of the row stays as it is.
    pub(super) fn refused(&self, model: &str, error: Error) -> Error {
        if error.status().is_server_error() {
            return error.context(self.to_string());
        }
        let what = if !error.faults().is_empty() && error.source_as::<DbError>().is_none() {
            let fault = |fault: &mainstay_core::Fault| {
                let place = fault.pointer.trim_start_matches('/').replace('/', ".");
                format!("`{model}.{place}` {}", fault.message)
            };
            error.faults().iter().map(fault).collect::<Vec<_>>().join(", ")
        } else {
            error.source_as::<DbError>().map_or_else(|| error.message().to_owned(), ToString::to_string)
        };
        self.wrong(what).with_status(error.status()).with_faults(error.faults().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_where() {
        let fault = |text| Line::read(text).err().unwrap();
        assert!(
            fault("no json").starts_with("expected ident at column 2; expected `{\"model\""),
            "{}",
            fault("no json")
        );
        assert!(fault("[]").contains("invalid length 0"), "{}", fault("[]"));
        assert!(fault(r#"{"model":"Tag"}"#).starts_with("missing field `fields` at column 15"));
        assert!(fault(r#"{"model":"Tag","fields":{},"pk":1}"#).starts_with("unknown field `pk`"));
        assert!(fault(r#"{"model":"Tag","fields":{"id":1,"id":2}}"#).starts_with("`id` is there twice"));
        assert!(fault(r#"{"model":"Tag","fields":{}} {}"#).starts_with("trailing characters"));
        let line = Line::read(r#"{"fields":{"b":1,"a":"x"},"model":"T\u0061g"}"#).unwrap();
        let names: Vec<_> = line.fields.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((&*line.model, names), ("Tag", vec!["b", "a"]));
    }
}
