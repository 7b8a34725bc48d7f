//! An event on its way into a line, whatever the format.

use std::error::Error;
use std::fmt::{self, Write};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};

use super::fields::{Hidden, Shown, SpanFields};
use crate::error::Chain;

/// A way to write lines. The parts come in this order.
pub(super) trait Format {
    /// Time, level, target and the message, which is already as this format writes it.
    fn start(&self, line: &mut String, now: SystemTime, metadata: &Metadata<'_>, message: &str);

    /// The event's other fields, already as this format writes them.
    fn fields(&self, line: &mut String, fields: &str);

    /// A span around it; `index` counts from the outermost.
    fn span(&self, line: &mut String, index: usize, name: &str, fields: Option<&SpanFields>);

    /// The end, with the line break.
    fn end(&self, line: &mut String);

    /// Which values are not written.
    fn hidden(&self) -> &Hidden;

    /// One field, behind others in `out`. The value is one that may be seen.
    fn field(&self, out: &mut String, name: &str, value: Shown<'_>);

    /// The same of any field: of some the value is not written.
    fn field_or_mask(&self, out: &mut String, name: &str, value: Shown<'_>) {
        self.field(out, name, self.hidden().or_mask(name, value));
    }

    /// The message.
    fn message(&self, out: &mut String, message: fmt::Arguments<'_>);
}

/// The fields of one event, written.
#[derive(Default)]
pub(super) struct EventFields {
    pub(super) message: String,
    pub(super) rest: String,
    /// Where `Debug` and `Display` write before it is escaped.
    scratch: String,
}

impl EventFields {
    pub(super) fn read<F: Format>(&mut self, format: &F, event: &Event<'_>) {
        self.message.clear();
        self.rest.clear();
        event.record(&mut Reader { format, fields: self });
    }
}

struct Reader<'a, F> {
    format: &'a F,
    fields: &'a mut EventFields,
}

impl<F: Format> Reader<'_, F> {
    fn add(&mut self, field: &Field, value: Shown<'_>) {
        self.format.field_or_mask(&mut self.fields.rest, field.name(), value);
    }

    fn write(&mut self, field: &Field, arguments: fmt::Arguments<'_>) {
        if field.name() == "message" {
            self.format.message(&mut self.fields.message, arguments);
            return;
        }
        self.fields.scratch.clear();
        // A `Debug` that fails has written what it could.
        let _ = self.fields.scratch.write_fmt(arguments);
        let EventFields { rest, scratch, .. } = &mut *self.fields;
        self.format.field_or_mask(rest, field.name(), Shown::Written(scratch));
    }
}

impl<F: Format> Visit for Reader<'_, F> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.format.message(&mut self.fields.message, format_args!("{value}"));
        } else {
            self.add(field, Shown::Text(value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Shown::Unsigned(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Shown::Signed(value));
    }

    /// `Duration::as_millis` is one.
    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.record_u64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Shown::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Shown::Boolean(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.write(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}
