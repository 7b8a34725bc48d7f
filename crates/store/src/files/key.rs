//! What a file is kept under.

use std::fmt;

use super::error::FilesError;

/// What a file is kept under: `avatars/7.png`. It names the same file in every store, and nothing outside of one.
///
/// It is up to 900 bytes long, in segments parted by `/` of up to 200 bytes each. A segment is not empty, begins with no full stop, ends
/// with neither a full stop nor a space, and has no backslash, no colon and no control character: so none leads up, aside, or to what is hidden, on any
/// system.
///
/// ```
/// use mainstay_store::files::FileKey;
///
/// assert!(FileKey::parse("invoices/2026/0017.pdf").is_ok());
/// for key in ["", "/etc/passwd", "../secret", "a//b", "a/./b", "a/.env", "a\\b", "c:x"] {
///     assert!(FileKey::parse(key).is_err(), "{key}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey(String);

/// S3 has 1024 bytes, of which a prefix takes some.
const LONGEST: usize = 900;
/// File systems have 255 bytes.
const LONGEST_SEGMENT: usize = 200;

impl FileKey {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// When it is none, with the reason. At the border: 400.
    pub fn parse(key: impl Into<String>) -> Result<Self, FilesError> {
        let key = key.into();
        match fault(&key) {
            None => Ok(Self(key)),
            Some(why) => Err(FilesError::NotAKey { why }),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl AsRef<str> for FileKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fault(key: &str) -> Option<&'static str> {
    if key.is_empty() || key.len() > LONGEST {
        return Some("it must have from 1 to 900 bytes");
    }
    if key.contains(|letter: char| letter.is_control() || matches!(letter, '\\' | ':')) {
        return Some("it has a backslash, a colon or a control character");
    }
    key.split('/').find_map(|segment| match segment {
        "" => Some("it has an empty segment: a `/` at an end, or two of them"),
        _ if segment.starts_with('.') => Some("a segment begins with a full stop"),
        _ if segment.ends_with(['.', ' ']) => Some("a segment ends with a full stop or a space"),
        _ if segment.len() > LONGEST_SEGMENT => Some("a segment has more than 200 bytes"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_names_in_any_script_and_refuses_what_is_special_somewhere() {
        let long = format!("{}/{}", "a".repeat(200), "b".repeat(200));
        for key in ["a", "a/b/c.tar.gz", "größe €/日本.txt", "50% #1?.txt", "a b", &long] {
            assert_eq!(FileKey::parse(key).unwrap().as_str(), key);
        }
        let too_long = ["a/".repeat(450) + "b", "a".repeat(201)];
        let refused = [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/..",
            "../a",
            "a/../b",
            ".env",
            "a/.git/config",
            "a\\b",
            "c:a",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            "a./b",
            "a /b",
            "a.",
        ];
        for key in refused.into_iter().chain(too_long.iter().map(String::as_str)) {
            assert!(matches!(FileKey::parse(key), Err(FilesError::NotAKey { .. })), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn never_leads_out_of_a_folder(key in "(/|\\.|\\\\|a|\0|:| ){0,12}") {
            if let Ok(key) = FileKey::parse(key) {
                let joined = std::path::Path::new("/root").join(key.as_str());
                prop_assert!(joined.starts_with("/root"));
                let plain = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::RootDir);
                prop_assert!(joined.components().all(plain));
            }
        }
    }
}
