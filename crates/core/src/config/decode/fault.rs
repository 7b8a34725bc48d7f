//! Why a value was refused, and where it stands: the error type of our deserializer.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::config::origin::Origin;
use crate::config::tree::{Node, Value};

/// Why a value was refused.
#[derive(Debug)]
pub(in crate::config) struct Fault(pub(super) Box<Refusal>);

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) place: Option<Place>,
    pub(super) kind: Kind,
}

/// The value that was refused.
#[derive(Debug)]
pub(in crate::config) struct Place {
    pub(in crate::config) key: String,
    pub(in crate::config) origin: Origin,
    pub(in crate::config) shown: String,
    pub(in crate::config) text: Option<String>,
    /// Whether it came as text, which has no type of its own.
    pub(in crate::config) loose: bool,
}

#[derive(Debug)]
pub(in crate::config) enum Kind {
    /// It should have been this, in serde's words.
    Expected(String),
    /// It should have been one of these.
    OneOf(&'static [&'static str]),
    /// The struct has no value for this field.
    Missing(&'static str),
    /// The type says why.
    Message(String),
}

impl Place {
    /// The place of `node`.
    pub(super) fn of(key: &str, node: &Node) -> Self {
        Self {
            key: key.to_owned(),
            origin: node.origin.clone(),
            shown: node.shown(),
            text: node.text().map(str::to_owned),
            loose: matches!(node.value, Value::Text(_)),
        }
    }

    /// The place of something that nobody wrote as a value.
    pub(super) fn without_value(key: String, origin: Origin, shown: String) -> Self {
        Self { key, origin, shown, text: None, loose: false }
    }
}

impl Fault {
    pub(super) fn new(kind: Kind) -> Self {
        Self(Box::new(Refusal { place: None, kind }))
    }

    /// Says where, unless something further inside has.
    pub(super) fn at(mut self, place: Place) -> Self {
        self.0.place.get_or_insert(place);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.kind)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Message(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Expected(expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Expected(expected.to_string()))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::OneOf(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing(field))
    }
}
