//! Entity tags (RFC 9110, section 8.8.3).

use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, SystemTime};

use http::HeaderValue;

/// While a file is younger than this, a second write could fall into the same tick of the file system's clock and go
/// unseen (Git calls such files racy).
const RACY: Duration = Duration::from_secs(2);

/// Names one row of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    value: HeaderValue,
    weak: bool,
}

impl Tag {
    /// A tag of what is inside the quotes, if that is allowed in a tag.
    pub fn new(opaque: &str) -> Option<Self> {
        let allowed = |byte: u8| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80;
        if !opaque.bytes().all(allowed) {
            return None;
        }
        let value = HeaderValue::from_str(&format!("\"{opaque}\"")).ok()?;
        Some(Self { value, weak: false })
    }

    /// The tag of a file on disk: when it was written, to the nanosecond, and its length.
    ///
    /// Reading the whole of a large file for a hash would cost more than sending it again. The tag is strong, so that
    /// broken downloads can be resumed, but for a file written just now.
    pub(super) fn of_file(written: SystemTime, length: u64) -> Option<Self> {
        let since = written.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let weak = written.elapsed().is_ok_and(|age| age < RACY);
        let mark = if weak { "W/" } else { "" };
        let text = format!("{mark}\"{:x}-{length:x}\"", since.as_nanos());
        Some(Self { value: HeaderValue::from_str(&text).ok()?, weak })
    }

    /// The tag of bytes in memory: their hash and length.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self::new(&format!("{:016x}-{:x}", hasher.finish(), bytes.len()))
    }

    /// The tag that a header says.
    pub(super) fn of_header(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let is_quoted = quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"');
        is_quoted.then(|| Self { value: value.clone(), weak })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Whether both name the same bytes for sure: for parts of a file.
    pub(super) fn matches_strongly(&self, other: &str) -> bool {
        !self.weak && other.as_bytes() == self.value.as_bytes()
    }

    /// Whether they name the same content: for whole files.
    pub(super) fn matches_weakly(&self, other: &str) -> bool {
        let own = self.value.as_bytes();
        other.strip_prefix("W/").unwrap_or(other).as_bytes() == own.strip_prefix(b"W/").unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusts_an_old_file_more_than_one_written_just_now() {
        let old = Tag::of_file(SystemTime::now() - Duration::from_secs(60), 5).unwrap();
        let text = old.header().to_str().unwrap().to_owned();
        assert!(text.starts_with('"') && old.matches_strongly(&text), "{text}");
        let new = Tag::of_file(SystemTime::now(), 5).unwrap();
        let text = new.header().to_str().unwrap().to_owned();
        assert!(
            text.starts_with("W/\"") && !new.matches_strongly(&text) && new.matches_weakly(&text),
            "{text}"
        );
    }

    #[test]
    fn refuses_what_would_break_out_of_the_quotes() {
        assert!(Tag::new("a\"b").is_none() && Tag::new("a b").is_none() && Tag::new("a-b").is_some());
    }
}
