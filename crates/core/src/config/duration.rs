//! Durations as people write them: `30s`, `5m`, `1h30m`, `100ms`.
//!
//! Units: `us`, `ms`, `s`, `m`, `h`, `d`. A bare number is refused, since nobody can say later what it meant; `0` needs no
//! unit.
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Limits {
//!     #[serde(with = "mainstay_core::config::duration")]
//!     timeout: Duration,
//!     #[serde(default, with = "mainstay_core::config::duration::option")]
//!     idle: Option<Duration>,
//! }
//!
//! let limits: Limits = serde_json::from_str(r#"{ "timeout": "1m30s" }"#).unwrap();
//! assert_eq!(limits.timeout, Duration::from_secs(90));
//! assert_eq!(serde_json::to_string(&limits).unwrap(), r#"{"timeout":"1m30s","idle":null}"#);
//! ```

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serializer};

const UNITS: [(&str, u128); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a number with a unit, such as 30s, 5m, 1h30m or 100ms (us, ms, s, m, h, d)")]
pub struct NotADuration;

/// Reads a duration.
///
/// # Errors
///
/// When the text is not of the form above, or is longer than can be counted.
pub fn parse(text: &str) -> Result<Duration, NotADuration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(NotADuration);
    }
    let mut micros: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u128 = rest[..digits].parse().map_err(|_| NotADuration)?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters]).ok_or(NotADuration)?;
        rest = rest[letters..].trim_start();
        micros = number.checked_mul(*unit).and_then(|part| micros.checked_add(part)).ok_or(NotADuration)?;
    }
    u64::try_from(micros).map(Duration::from_micros).map_err(|_| NotADuration)
}

/// Writes a duration so that [`parse`] reads it back; what is below a microsecond is lost.
pub fn format(duration: Duration) -> String {
    let mut micros = duration.as_micros();
    let mut text = String::new();
    for (name, unit) in UNITS {
        if micros >= unit {
            text.push_str(&format!("{}{name}", micros / unit));
            micros %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For `#[serde(with = …)]`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For `#[serde(with = …)]`.
///
/// # Errors
///
/// When the value is not a duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(Reader)
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\", \"5m\" or \"100ms\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
}

/// The same for `Option<Duration>`.
pub mod option {
    use super::{Deserialize, Deserializer, Duration, Serializer, format};

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&format(*duration)),
            None => serializer.serialize_none(),
        }
    }

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    ///
    /// When the value is neither none nor a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Written(#[serde(with = "super")] Duration);

        Ok(Option::<Written>::deserialize(deserializer)?.map(|duration| duration.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("30s", Duration::from_secs(30)),
            ("5m", Duration::from_secs(300)),
            ("1h30m", Duration::from_secs(5400)),
            ("100ms", Duration::from_millis(100)),
            ("2 d", Duration::from_secs(172_800)),
            ("0", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_no_end() {
        for text in ["", "30", "s", "-1s", "1.5s", "5 parsecs", "99999999999999999999d", "1s 2"] {
            assert_eq!(parse(text), Err(NotADuration), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(micros: u64) {
            let duration = Duration::from_micros(micros);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
