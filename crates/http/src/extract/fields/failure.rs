//! What serde can be told is wrong with a field.

use std::fmt;

use mainstay_core::{Fault, redaction};
use serde::de::{self, Expected, Unexpected};

use crate::extract::words;

/// One failure, and the field it is about where that is known.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(super) name: Option<String>,
    /// Whether the field could have been left out.
    pub(super) optional: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// It is not there.
    Missing,
    /// It must not be there; these may.
    Unknown(&'static [&'static str]),
    /// It is there so many times, and should be there once.
    Repeated(usize),
    /// It is of another type, or out of range. The text is that of the request.
    Type { expected: String, text: Option<String> },
    /// It is none of these.
    Choice { choices: &'static [&'static str], text: String },
    /// It is a file, and should be a text; or the other way round.
    Form { expected: &'static str, found: &'static str },
    /// What the type's own reading says.
    Custom(String),
    /// Not the client's fault: no request can give what the handler asks for.
    Design(String),
}

impl Failure {
    pub(super) fn new(kind: Kind) -> Self {
        Self { name: None, optional: false, kind }
    }

    pub(super) fn wrong_type(expected: &str, text: &str) -> Self {
        let expected = words::expected(expected).into_owned();
        Self::new(Kind::Type { expected, text: Some(text.to_owned()) })
    }

    /// Says which field it is about, unless that is known already.
    pub(super) fn at(mut self, name: &str) -> Self {
        if self.name.is_none() {
            self.name = Some(name.to_owned());
        }
        self
    }

    pub(super) fn fault(&self, pointer: String) -> Fault {
        // What was sent is told to whoever sent it, and to the log.
        let is_secret = redaction::is_secret(pointer.rsplit(['/', ':']).next().unwrap_or_default());
        match &self.kind {
            Kind::Choice { choices, .. } if is_secret => {
                let message = format!("expected {}", words::one_of(choices));
                Fault::new(pointer, "choice", message).with("choices", words::one_of(choices))
            }
            Kind::Missing => Fault::new(pointer, "required", "it is required, and missing"),
            Kind::Unknown([]) => Fault::new(pointer, "unknown_field", "it is not known here"),
            Kind::Unknown(known) => {
                let message = format!("it is not known here; known are {}", words::one_of(known));
                Fault::new(pointer, "unknown_field", message).with("known", words::one_of(known))
            }
            Kind::Repeated(times) => {
                let message = format!("it may be given once, and is given {times} times");
                Fault::new(pointer, "repeated", message)
            }
            Kind::Type { expected, text } => {
                let found = match text.as_deref() {
                    Some("") => "nothing".to_owned(),
                    None => "something else".to_owned(),
                    Some(_) if is_secret => "something else".to_owned(),
                    Some(text) => format!("`{}`", words::clip(text)),
                };
                Fault::new(pointer, "type", format!("expected {expected}, found {found}"))
                    .with("expected", expected)
                    .with("found", found)
            }
            Kind::Choice { choices, text } => {
                let message = format!("expected {}, found `{}`", words::one_of(choices), words::clip(text));
                Fault::new(pointer, "choice", message).with("choices", words::one_of(choices))
            }
            Kind::Form { expected, found } => {
                Fault::new(pointer, "type", format!("expected {expected}, found {found}"))
            }
            Kind::Custom(message) => {
                let message = words::clip_to(message, 200);
                Fault::new(pointer, "invalid", message.trim_end_matches('.'))
            }
            Kind::Design(problem) => Fault::new(pointer, "invalid", problem.as_str()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault(String::new()).message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Custom(message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let text = match unexpected {
            Unexpected::Str(text) => Some(text.to_owned()),
            Unexpected::Unsigned(number) => Some(number.to_string()),
            Unexpected::Signed(number) => Some(number.to_string()),
            Unexpected::Float(number) => Some(number.to_string()),
            Unexpected::Bool(value) => Some(value.to_string()),
            Unexpected::Char(ch) => Some(ch.to_string()),
            _ => None,
        };
        Self::new(Kind::Type { expected: words::expected(&expected.to_string()).into_owned(), text })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::Choice { choices: expected, text: variant.to_owned() })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::Unknown(expected)).at(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing).at(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Kind::Repeated(2)).at(field)
    }
}
