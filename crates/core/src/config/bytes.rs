//! Sizes as people write them: `512B`, `64KB`, `2MB`, `1GiB`.
//!
//! `KB`, `MB`, `GB`, `TB` count in thousands, `KiB`, `MiB`, `GiB`, `TiB` in 1024s; upper or lower case does not matter. A bare
//! number is bytes.
//!
//! ```
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Limits {
//!     #[serde(with = "mainstay_core::config::bytes")]
//!     body: u64,
//! }
//!
//! let limits: Limits = serde_json::from_str(r#"{ "body": "2MB" }"#).unwrap();
//! assert_eq!(limits.body, 2_000_000);
//! ```

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serializer};

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a number of bytes with a unit, such as 512B, 64KB, 2MB or 1GiB")]
pub struct NotASize;

/// Reads a size, in bytes.
///
/// # Errors
///
/// When the text is not of the form above, or does not fit into 64 bits.
pub fn parse(text: &str) -> Result<u64, NotASize> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| NotASize)?;
    let name = text[digits..].trim_start();
    if name.is_empty() {
        return Ok(number);
    }
    let (_, unit) = UNITS.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(name)).ok_or(NotASize)?;
    number.checked_mul(*unit).ok_or(NotASize)
}

/// Writes a size in the largest unit that leaves nothing over.
pub fn format(size: u64) -> String {
    let exact = UNITS.iter().find(|(_, unit)| size >= *unit && size.is_multiple_of(*unit));
    match exact {
        Some((name, unit)) => format!("{}{name}", size / unit),
        None => "0B".to_owned(),
    }
}

/// For `#[serde(with = …)]`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*size))
}

/// For `#[serde(with = …)]`.
///
/// # Errors
///
/// When the value is not a size.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Reader)
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as \"512KB\", \"2MB\" or \"1GiB\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, size: u64) -> Result<u64, E> {
        Ok(size)
    }

    fn visit_i64<E: Error>(self, size: i64) -> Result<u64, E> {
        u64::try_from(size).map_err(|_| E::custom(NotASize))
    }
}

/// The same for `Option<u64>`.
pub mod option {
    use super::{Deserialize, Deserializer, Serializer, format};

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(size: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match size {
            Some(size) => serializer.serialize_some(&format(*size)),
            None => serializer.serialize_none(),
        }
    }

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    ///
    /// When the value is neither none nor a size.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        #[derive(Deserialize)]
        struct Written(#[serde(with = "super")] u64);

        Ok(Option::<Written>::deserialize(deserializer)?.map(|size| size.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in
            [("512", 512), ("512B", 512), ("64 kb", 64_000), ("2MB", 2_000_000), ("1GiB", 1 << 30), ("0", 0)]
        {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["", "MB", "-1", "2 bananas", "1.5MB", "99999999TiB"] {
            assert_eq!(parse(text), Err(NotASize), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(size: u64) {
            prop_assert_eq!(parse(&format(size)), Ok(size));
        }
    }
}
