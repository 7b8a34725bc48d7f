//! The fields of a span, kept as they came until an event within it is written.

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use crate::error::Chain;
use crate::redaction;

/// A value, on its way into a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown<'a> {
    /// A string.
    Text(&'a str),
    /// What `Debug` or `Display` of some type wrote.
    Written(&'a str),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Boolean(bool),
}

/// Names of fields whose values are not written.
#[derive(Debug, Default)]
pub(super) struct Hidden(Vec<String>);

impl Hidden {
    /// These, besides those that look like secrets.
    pub(super) fn new(more: &[String]) -> Self {
        Self(more.to_vec())
    }

    /// The value as it may be seen.
    pub(super) fn or_mask<'v>(&self, name: &str, value: Shown<'v>) -> Shown<'v> {
        let hides = redaction::is_secret(name) || self.0.iter().any(|known| known.eq_ignore_ascii_case(name));
        if hides { Shown::Written(redaction::MASK) } else { value }
    }
}

/// As many fields as a request's span has find place without a further allocation.
const FEW: usize = 8;

/// The fields of a span, in the order in which they were recorded.
#[derive(Debug)]
pub(super) struct SpanFields {
    few: [Kept; FEW],
    count: usize,
    more: Vec<Kept>,
    /// The text of all fields, one behind the other.
    text: String,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    name: &'static str,
    value: Value,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Text { start: usize, end: usize },
    Written { start: usize, end: usize },
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Boolean(bool),
}

impl SpanFields {
    pub(super) fn new() -> Self {
        const NONE: Kept = Kept { name: "", value: Value::Boolean(false) };
        Self { few: [NONE; FEW], count: 0, more: Vec::new(), text: String::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, Shown<'_>)> {
        self.few[..self.count].iter().chain(&self.more).map(|kept| (kept.name, self.shown(kept.value)))
    }

    fn shown(&self, value: Value) -> Shown<'_> {
        match value {
            Value::Text { start, end } => Shown::Text(&self.text[start..end]),
            Value::Written { start, end } => Shown::Written(&self.text[start..end]),
            Value::Unsigned(number) => Shown::Unsigned(number),
            Value::Signed(number) => Shown::Signed(number),
            Value::Float(number) => Shown::Float(number),
            Value::Boolean(boolean) => Shown::Boolean(boolean),
        }
    }

    /// Sets a field; one that is recorded again has its last value.
    fn keep(&mut self, field: &Field, value: Value) {
        let kept = Kept { name: field.name(), value };
        // Names are static: nearly always the same pointer.
        let same = |known: &&mut Kept| std::ptr::eq(known.name, kept.name) || known.name == kept.name;
        if let Some(known) = self.few[..self.count].iter_mut().chain(&mut self.more).find(same) {
            *known = kept;
        } else if self.count < FEW {
            self.few[self.count] = kept;
            self.count += 1;
        } else {
            self.more.push(kept);
        }
    }

    fn write(&mut self, field: &Field, arguments: fmt::Arguments<'_>) {
        self.text.reserve(64);
        let start = self.text.len();
        // A `Debug` that fails has written what it could.
        let _ = self.text.write_fmt(arguments);
        self.keep(field, Value::Written { start, end: self.text.len() });
    }
}

impl Visit for SpanFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let start = self.text.len();
        self.text.reserve(value.len().max(64));
        self.text.push_str(value);
        self.keep(field, Value::Text { start, end: self.text.len() });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, Value::Unsigned(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, Value::Signed(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, Value::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, Value::Boolean(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.write(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}
