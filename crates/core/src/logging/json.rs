//! Lines for machines, each a JSON object:
//!
//! ```json
//! {"timestamp":"2026-01-01T12:00:00.000000Z","level":"INFO","target":"shop","message":"sold","fields":{"amount":3},
//!  "spans":[{"name":"request","fields":{"id":"0197…","method":"GET"}}]}
//! ```

use std::fmt::{self, Write};
use std::time::SystemTime;

use tracing::Metadata;

use super::fields::{Hidden, Shown, SpanFields};
use super::line::Format;
use super::timestamp::Timestamp;

pub(super) struct Json {
    pub(super) hidden: Hidden,
}

impl Format for Json {
    fn start(&self, line: &mut String, now: SystemTime, metadata: &Metadata<'_>, message: &str) {
        // Writing to a `String` cannot fail.
        let _ =
            write!(line, "{{\"timestamp\":\"{}\",\"level\":\"{}\"", Timestamp::from(now), metadata.level());
        line.push_str(",\"target\":\"");
        let _ = Escape(line).write_str(metadata.target());
        line.push_str("\",\"message\":\"");
        line.push_str(message);
        line.push_str("\",\"fields\":{");
    }

    fn fields(&self, line: &mut String, fields: &str) {
        line.push_str(fields);
        line.push_str("},\"spans\":[");
    }

    fn span(&self, line: &mut String, index: usize, name: &str, fields: Option<&SpanFields>) {
        line.push_str(if index == 0 { "{\"name\":\"" } else { ",{\"name\":\"" });
        let _ = Escape(line).write_str(name);
        line.push_str("\",\"fields\":{");
        for (name, value) in fields.into_iter().flat_map(SpanFields::iter) {
            self.field_or_mask(line, name, value);
        }
        line.push_str("}}");
    }

    fn end(&self, line: &mut String) {
        line.push_str("]}\n");
    }

    fn hidden(&self) -> &Hidden {
        &self.hidden
    }

    fn field(&self, out: &mut String, name: &str, value: Shown<'_>) {
        if !out.is_empty() && !out.ends_with('{') {
            out.push(',');
        }
        out.push('"');
        let _ = Escape(out).write_str(name);
        out.push_str("\":");
        let _ = match value {
            Shown::Text(text) | Shown::Written(text) => {
                out.push('"');
                let _ = Escape(out).write_str(text);
                out.push('"');
                Ok(())
            }
            Shown::Unsigned(number) => write!(out, "{number}"),
            Shown::Signed(number) => write!(out, "{number}"),
            Shown::Float(number) if number.is_finite() => write!(out, "{number}"),
            // JSON has no such numbers.
            Shown::Float(number) => write!(out, "\"{number}\""),
            Shown::Boolean(boolean) => write!(out, "{boolean}"),
        };
    }

    fn message(&self, out: &mut String, message: fmt::Arguments<'_>) {
        let _ = Escape(out).write_fmt(message);
    }
}

/// Writes the inside of a JSON string (RFC 8259 section 7).
struct Escape<'a>(&'a mut String);

impl Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut start = 0;
        for (at, byte) in text.bytes().enumerate() {
            let short = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..0x20 | 0x7f => "",
                _ => continue,
            };
            self.0.push_str(&text[start..at]);
            if short.is_empty() {
                write!(self.0, "\\u{byte:04x}")?;
            } else {
                self.0.push_str(short);
            }
            start = at + 1;
        }
        self.0.push_str(&text[start..]);
        Ok(())
    }
}
