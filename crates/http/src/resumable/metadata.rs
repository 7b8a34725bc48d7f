//! What a client says about its file: the header `Upload-Metadata`.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::keys::base64;
use mainstay_core::{Error, Result};

use super::protocol;
use crate::describe::{Describe, Operation};
use crate::extract::safe_file_name;

/// Longer headers are refused, in bytes.
const LONGEST: usize = 8 * 1024;
/// More pairs are refused.
const MOST_PAIRS: usize = 64;
/// Longer keys are refused, in bytes.
const LONGEST_KEY: usize = 128;

/// What the client says about a file when it begins to send it. Nothing of it is to be believed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

/// Why a header is none that says something about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadMetadata {
    #[error("it is longer than 8 KiB")]
    TooLong,
    #[error("it has more than 64 pairs")]
    TooMany,
    #[error("a key is empty, longer than 128 bytes, or not of visible ASCII characters")]
    Key,
    #[error("a key is there twice")]
    Twice,
    #[error("a value is not Base64 (RFC 4648, section 4, with padding)")]
    Value,
}

impl Metadata {
    /// Reads `filename d29ybGQucGRm,is_secret`: keys, each with its value in Base64, or without one.
    pub(super) fn parse(header: &[u8]) -> Result<Self, BadMetadata> {
        if header.len() > LONGEST {
            return Err(BadMetadata::TooLong);
        }
        let text = std::str::from_utf8(header).map_err(|_| BadMetadata::Key)?;
        let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
        if text.trim().is_empty() {
            return Ok(Self(pairs));
        }
        for pair in text.split(',') {
            let pair = pair.trim_matches([' ', '\t']);
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
            if !visible || !(1..=LONGEST_KEY).contains(&key.len()) {
                return Err(BadMetadata::Key);
            }
            if pairs.iter().any(|(known, _)| known == key) {
                return Err(BadMetadata::Twice);
            }
            if pairs.len() == MOST_PAIRS {
                return Err(BadMetadata::TooMany);
            }
            let value = padded(value).ok_or(BadMetadata::Value)?;
            pairs.push((key.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// A value, as it is.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_slice())
    }

    /// A value, if it is UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        std::str::from_utf8(self.get(key)?).ok()
    }

    /// All keys and values, in the order of the client.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// What the file is called (`filename`, else `name`), safe to be used as the name of a file; see [`safe_file_name`].
    pub fn file_name(&self) -> Option<String> {
        self.text("filename").or_else(|| self.text("name")).and_then(safe_file_name)
    }

    /// What the client says that it is (`filetype`, else `type`).
    pub fn claimed_type(&self) -> Option<&str> {
        self.text("filetype").or_else(|| self.text("type"))
    }
}

/// What a request that begins a file says about it.
impl<S: Sync> FromRequestParts<S> for Metadata {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        protocol::metadata(&parts.headers).map(|(_, metadata)| metadata)
    }
}

impl Describe for Metadata {
    /// The routes of the protocol say what is to be said.
    fn describe(_: &mut Operation) {}
}

impl fmt::Debug for Metadata {
    /// The keys: values may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// Base64 with its padding. Strict: one text for each sequence of bytes.
pub(super) fn padded(text: &str) -> Option<Vec<u8>> {
    if text.len().is_multiple_of(4) { base64::decode(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_with_and_without_values() {
        let metadata = Metadata::parse(b"filename d29ybGQucGRm, is_secret,raw +/8=,empty ").unwrap();
        assert_eq!(metadata.text("filename"), Some("world.pdf"));
        assert_eq!((metadata.get("is_secret"), metadata.get("empty")), (Some(&b""[..]), Some(&b""[..])));
        assert_eq!((metadata.get("raw"), metadata.text("raw")), (Some(&[0xfb, 0xff][..]), None));
        assert_eq!(metadata.get("other"), None);
        assert_eq!(metadata.iter().count(), 4);
        assert_eq!(Metadata::parse(b"").unwrap(), Metadata::default());
    }

    #[test]
    fn names_what_is_wrong() {
        let cases: [(&[u8], BadMetadata); 10] = [
            (b"a YQ==,a YQ==", BadMetadata::Twice),
            (b"a YQ", BadMetadata::Value),
            (b"a YR==", BadMetadata::Value),
            (b"a Y Q=", BadMetadata::Value),
            (b"a  YQ==", BadMetadata::Value),
            (b"a -_8=", BadMetadata::Value),
            (b"a YQ==,", BadMetadata::Key),
            (b",", BadMetadata::Key),
            ("größe YQ==".as_bytes(), BadMetadata::Key),
            (b"\xff YQ==", BadMetadata::Key),
        ];
        for (header, why) in cases {
            assert_eq!(Metadata::parse(header), Err(why), "{}", header.escape_ascii());
        }
        let many: Vec<String> = (0..65).map(|n| format!("k{n}")).collect();
        assert_eq!(Metadata::parse(many.join(",").as_bytes()), Err(BadMetadata::TooMany));
        assert_eq!(Metadata::parse(&[b'a'; LONGEST + 1]), Err(BadMetadata::TooLong));
        assert_eq!(Metadata::parse(&[b'a'; LONGEST_KEY + 1]), Err(BadMetadata::Key));
    }

    #[test]
    fn a_name_cannot_leave_its_folder() {
        // `../../etc/passwd`
        let metadata = Metadata::parse(b"filename Li4vLi4vZXRjL3Bhc3N3ZA==,type dGV4dC9odG1s").unwrap();
        assert_eq!(metadata.file_name().as_deref(), Some("passwd"));
        assert_eq!(metadata.claimed_type(), Some("text/html"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(header in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
            let _ = Metadata::parse(&header);
        }

        #[test]
        fn reads_what_was_encoded(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(padded(&base64::encode(&bytes)), Some(bytes));
        }
    }
}
