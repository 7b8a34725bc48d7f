//! Files that come with a mail.

use std::fmt;

use lettre::message::header::ContentType;
use serde::{Deserialize, Serialize};

use crate::error::MailError;

/// A file that comes with a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is called. One that the page shows has the name by which it does: `logo`, for `<img src="cid:logo">`.
    pub name: String,
    /// What it is: `application/pdf`.
    pub content_type: String,
    /// Whether the page shows it.
    #[serde(default)]
    pub is_embedded: bool,
    /// The file.
    #[serde(with = "as_base64")]
    pub bytes: Vec<u8>,
}

/// As many files may come with a mail.
pub(crate) const MOST: usize = 100;
/// The longest name, in letters: what file systems take.
const LONGEST_NAME: usize = 255;

impl Attachment {
    /// Refuses a name or a type that would not arrive as it is.
    pub(crate) fn check(&self) -> Result<(), MailError> {
        let refused = |reason: &str| {
            Err(MailError::invalid(format!("attachment {}", self.name.escape_debug()), reason))
        };
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if self.is_embedded && !self.name.bytes().all(is_token) {
            return refused("the name by which a page shows it is of letters, digits, `-`, `_` and `.`");
        }
        if self.name.trim().is_empty() || self.name.chars().count() > LONGEST_NAME {
            return refused("a name has from 1 to 255 letters");
        }
        if self.name.chars().any(|letter| letter.is_control() || matches!(letter, '/' | '\\')) {
            return refused("a name has neither control characters nor `/` or `\\`");
        }
        self.content_type().map(|_| ())
    }

    /// Its type, as it is written.
    pub(crate) fn content_type(&self) -> Result<ContentType, MailError> {
        let refused =
            |reason: String| MailError::invalid(format!("attachment {}", self.name.escape_debug()), reason);
        let shown = self.content_type.escape_debug();
        let is_whole = self.content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let read = ContentType::parse(&self.content_type).ok().filter(|_| is_whole);
        let read = read.ok_or_else(|| refused(format!("`{shown}` is no type, such as `application/pdf`")))?;
        let lower = self.content_type.to_ascii_lowercase();
        if ["multipart/", "message/"].iter().any(|kind| lower.starts_with(kind)) {
            return Err(refused(format!("`{shown}` is a part of a mail, and no file")));
        }
        Ok(read)
    }
}

/// Without what is in it.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("name", &self.name)
            .field("content_type", &self.content_type)
            .field("size", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

mod as_base64 {
    use mainstay_core::keys::base64;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64::decode(&text).ok_or_else(|| D::Error::custom("this is no base64"))
    }
}
