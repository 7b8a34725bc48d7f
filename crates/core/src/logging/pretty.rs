//! Lines for people:
//!
//! ```text
//! 12:00:00.123Z  INFO mainstay_http::listener: listening address=127.0.0.1:3000
//! 12:00:00.456Z  WARN shop::checkout: payment refused amount=12.5  request{id=0197… method=GET path=/pay}
//! ```

use std::fmt::{self, Write};
use std::time::SystemTime;

use tracing::{Level, Metadata};

use super::fields::{Hidden, Shown, SpanFields};
use super::line::Format;
use super::timestamp::Timestamp;

pub(super) struct Pretty {
    pub(super) colour: bool,
    pub(super) hidden: Hidden,
}

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

impl Pretty {
    fn paint(&self, out: &mut String, colour: &str, text: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        if self.colour {
            let _ = write!(out, "{colour}{text}{PLAIN}");
        } else {
            let _ = out.write_fmt(text);
        }
    }
}

impl Format for Pretty {
    fn start(&self, line: &mut String, now: SystemTime, metadata: &Metadata<'_>, message: &str) {
        let (level, colour) = match *metadata.level() {
            Level::ERROR => ("ERROR", "\x1b[1;31m"),
            Level::WARN => (" WARN", "\x1b[33m"),
            Level::INFO => (" INFO", "\x1b[32m"),
            Level::DEBUG => ("DEBUG", "\x1b[34m"),
            Level::TRACE => ("TRACE", "\x1b[35m"),
        };
        self.paint(line, DIM, format_args!("{}", Timestamp::from(now).time()));
        line.push(' ');
        self.paint(line, colour, format_args!("{level}"));
        line.push(' ');
        self.paint(line, DIM, format_args!("{}:", metadata.target()));
        if !message.is_empty() {
            line.push(' ');
            line.push_str(message);
        }
    }

    fn fields(&self, line: &mut String, fields: &str) {
        line.push_str(fields);
    }

    fn span(&self, line: &mut String, index: usize, name: &str, fields: Option<&SpanFields>) {
        line.push_str(if index == 0 { "  " } else { ":" });
        self.paint(line, DIM, format_args!("{name}"));
        let Some(fields) = fields else { return };
        let start = line.len();
        for (name, value) in fields.iter() {
            self.field_or_mask(line, name, value);
        }
        if line.len() > start {
            // Each field begins with a space; the first one's becomes the brace.
            line.replace_range(start..=start, "{");
            line.push('}');
        }
    }

    fn end(&self, line: &mut String) {
        line.push('\n');
    }

    fn hidden(&self) -> &Hidden {
        &self.hidden
    }

    fn field(&self, out: &mut String, name: &str, value: Shown<'_>) {
        out.push(' ');
        self.paint(out, DIM, format_args!("{name}="));
        let _ = match value {
            Shown::Text(text) if must_be_quoted(text) => write!(out, "\"{}\"", Escaped { text, quote: true }),
            Shown::Text(text) | Shown::Written(text) => write!(out, "{}", Escaped { text, quote: false }),
            Shown::Unsigned(number) => write!(out, "{number}"),
            Shown::Signed(number) => write!(out, "{number}"),
            Shown::Float(number) => write!(out, "{number}"),
            Shown::Boolean(boolean) => write!(out, "{boolean}"),
        };
    }

    fn message(&self, out: &mut String, message: fmt::Arguments<'_>) {
        let _ = Message(out).write_fmt(message);
    }
}

fn must_be_quoted(text: &str) -> bool {
    text.is_empty() || text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '{' | '}'))
}

/// What could end the line, move the cursor or turn the text around.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

struct Escaped<'a> {
    text: &'a str,
    quote: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = 0;
        for (at, c) in self.text.char_indices() {
            if is_harmful(c) || (self.quote && matches!(c, '"' | '\\')) {
                f.write_str(&self.text[start..at])?;
                write!(f, "{}", c.escape_default())?;
                start = at + c.len_utf8();
            }
        }
        f.write_str(&self.text[start..])
    }
}

/// A message may have several lines (a list of findings has): each but the first is marked, so that none can pass for a
/// line of its own.
struct Message<'a>(&'a mut String);

impl Write for Message<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.0.push_str("\n    | ");
            }
            write!(self.0, "{}", Escaped { text: part, quote: false })?;
        }
        Ok(())
    }
}
