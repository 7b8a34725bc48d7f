//! What is kept of a session.

use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use mainstay_core::random::{Random, hex};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a session is kept under: a digest of the cookie. Whoever reads a store learns no cookie from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionKey(String);

impl SessionKey {
    /// Of the text of a cookie.
    pub(crate) fn of(token: &str) -> Self {
        Self(hex(digest(&SHA256, token.as_bytes()).as_ref()))
    }

    /// Of its text, as a store has kept it.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many random bytes a cookie has.
const TOKEN: usize = 32;

/// A new cookie.
pub(crate) fn new_token(random: &dyn Random) -> String {
    random.hex(TOKEN)
}

/// Whether a text may be a cookie of ours at all.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() == 2 * TOKEN && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A session, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// What is remembered, by name.
    pub data: Map<String, Value>,
    /// Whose it is, if anybody's.
    pub owner: Option<String>,
    /// When it began, or its owner signed in.
    pub created_at: SystemTime,
    /// When a request last came with it, to the minute.
    pub seen_at: SystemTime,
    /// When it ends unless a request comes with it.
    pub expires_at: SystemTime,
    /// Whether it outlives the browser.
    pub is_remembered: bool,
    /// From where a request last came with it.
    pub address: Option<IpAddr>,
    /// Which program last came with it, as it says itself, cut to 255 characters.
    pub agent: Option<String>,
    /// Which record it is of this key: from 1, each one more than the one before.
    pub revision: u64,
}
