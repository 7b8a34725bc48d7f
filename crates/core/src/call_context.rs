//! What the work at hand hands on to whatever it calls: until when an answer is of use, and which trace it belongs to.
//!
//! Whoever starts the work says it (`http` does for each request), and whoever calls another service reads it (`outbound`).
//!
//! ```
//! use std::time::{Duration, Instant};
//! use mainstay_core::call_context::{CallContext, Trace};
//!
//! let trace = Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
//! let context = CallContext { deadline: Some(Instant::now() + Duration::from_secs(5)), trace };
//! context.sync_scope(|| assert_eq!(CallContext::current().trace, trace));
//! assert_eq!(CallContext::current().trace, None);
//! ```

use std::fmt;
use std::time::Instant;

tokio::task_local! {
    static CONTEXT: CallContext;
}

/// What the running task hands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallContext {
    /// When nobody waits for the result any more.
    pub deadline: Option<Instant>,
    /// The trace that the work is part of.
    pub trace: Option<Trace>,
}

impl CallContext {
    /// That of the running task; nothing, if nobody has said any.
    pub fn current() -> Self {
        CONTEXT.try_with(|context| *context).unwrap_or_default()
    }

    /// Runs `work` in it.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CONTEXT.scope(self, work).await
    }

    /// Runs `work`, which does not wait, in it.
    pub fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CONTEXT.sync_scope(self, work)
    }
}

/// A place in a trace, as [W3C Trace Context](https://www.w3.org/TR/trace-context/) writes it in `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 32],
    span: [u8; 16],
    flags: [u8; 2],
}

impl Trace {
    /// Reads a `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version: [u8; 2] = hex(version)?;
        // A later version may have more parts; version 255 is forbidden.
        if &version == b"ff" || (&version == b"00" && parts.next().is_some()) {
            return None;
        }
        let trace = Self { id: hex(id)?, span: hex(span)?, flags: hex(flags)? };
        let zero = |digits: &[u8]| digits.iter().all(|digit| *digit == b'0');
        (!zero(&trace.id) && !zero(&trace.span)).then_some(trace)
    }

    /// The id of the whole trace.
    pub fn id(&self) -> &str {
        text(&self.id)
    }

    /// The id of the place in it.
    pub fn span(&self) -> &str {
        text(&self.span)
    }

    /// The same trace at another place, whose id is this number. None for 0, which is the id of nothing.
    pub fn at(self, span: u64) -> Option<Self> {
        Some(Self { span: hex(&format!("{span:016x}"))?, ..self }).filter(|_| span != 0)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is written is of version 0, whichever was read.
        write!(f, "00-{}-{}-{}", self.id(), self.span(), text(&self.flags))
    }
}

/// Lower-case hexadecimal digits, so many of them.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: [u8; N] = text.as_bytes().try_into().ok()?;
    digits.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit)).then_some(digits)
}

/// Only digits are ever kept.
fn text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_parent_by_the_letter_of_the_standard() {
        let read = |text: &str| Trace::parse(text).map(|trace| trace.span().to_owned());
        let known = Some("00f067aa0ba902b7".to_owned());
        assert_eq!(read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), known);
        assert_eq!(read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"), known);
        assert_eq!(read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"), None);
        assert_eq!(read("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), None);
        assert_eq!(read("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(read("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn another_place_is_in_the_same_trace() {
        let trace = Trace::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what").unwrap();
        let next = trace.at(0xab).unwrap();
        assert_eq!(next.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-01");
        assert_eq!(trace.at(0), None);
    }
}
