//! What a person reads when a value is refused: key, value, source, and the fix.

use super::decode::{Kind, Place};
use super::nearest::{nearest, suggest};
use super::secret::{MASK, looks_secret, without_password};
use super::tree::Node;
use crate::Finding;

/// A section's aliases, to name them in a fix.
pub(super) type Aliases = &'static [(&'static str, &'static str)];

/// `MAINSTAY__HTTP__PORT` for `http.port`.
pub(super) fn variable(key: &str) -> String {
    format!("MAINSTAY__{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// The section has no such key.
pub(super) fn unknown_key(table: &str, name: &str, node: &Node, fields: &[&str]) -> Finding {
    Finding::error("config.E004", format!("`{table}.{name}` is not a setting"))
        .at(node.origin.to_string())
        .fix(suggest(name, &format!("the keys of `{table}` are"), fields.iter().copied()))
}

/// A value, or its absence, that the type of the field refuses.
pub(super) fn refused(place: &Place, kind: &Kind, secret: bool, aliases: Aliases) -> Finding {
    let key = &place.key;
    let hidden = secret || place.origin.is_secret() || looks_secret(key);
    let shown = if hidden { MASK.to_owned() } else { without_password(&place.shown) };
    let error = |message: String| Finding::error("config.E005", message).at(place.origin.to_string());
    match kind {
        Kind::Missing(field) => missing(place, field, aliases),
        Kind::Expected(expected) => {
            let expected = plain(expected);
            let fix = quoting(place, &expected).filter(|_| !hidden);
            error(format!("`{key}` must be {expected}, but is {shown}"))
                .fix(fix.unwrap_or_else(|| format!("set it to {expected}")))
        }
        Kind::OneOf(variants) => {
            let list = variants.join(", ");
            let meant = place.text.as_deref().and_then(|text| nearest(text, variants.iter().copied()));
            error(format!("`{key}` cannot be {shown}")).fix(match meant {
                Some(meant) => format!("did you mean `{meant}`? It is one of: {list}"),
                None => format!("set it to one of: {list}"),
            })
        }
        Kind::Message(message) => {
            // The type's own words may repeat the value.
            let repeats = hidden && place.text.as_ref().is_some_and(|text| message.contains(text.as_str()));
            error(if repeats {
                format!("`{key}` cannot be {shown}")
            } else {
                format!("`{key}` cannot be {shown}: {message}")
            })
        }
    }
}

fn missing(place: &Place, field: &str, aliases: Aliases) -> Finding {
    let key = format!("{}.{field}", place.key);
    let within = key.split_once('.').map_or("", |(_, within)| within);
    let mut fix =
        format!("set `{field}` under `[{}]` in config/default.toml, or {}", place.key, variable(&key));
    for (name, _) in aliases.iter().filter(|(_, target)| *target == within) {
        fix.push_str(" or ");
        fix.push_str(name);
    }
    Finding::error("config.E006", format!("`{key}` is missing and has no default")).fix(fix)
}

/// serde's words for what it expected, in the words of a configuration file.
fn plain(expected: &str) -> String {
    let between = |low: i128, high: i128| format!("a whole number from {low} to {high}");
    match expected {
        "u8" => between(0, u8::MAX.into()),
        "u16" => between(0, u16::MAX.into()),
        "u32" => between(0, u32::MAX.into()),
        "i8" => between(i8::MIN.into(), i8::MAX.into()),
        "i16" => between(i16::MIN.into(), i16::MAX.into()),
        "i32" => between(i32::MIN.into(), i32::MAX.into()),
        "u64" | "u128" | "usize" => "a whole number from 0".to_owned(),
        "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "a nonzero u8" => between(1, u8::MAX.into()),
        "a nonzero u16" => between(1, u16::MAX.into()),
        "a nonzero u32" => between(1, u32::MAX.into()),
        "a nonzero u64" | "a nonzero usize" => "a whole number from 1".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        text if text.starts_with("struct ") => "a table".to_owned(),
        text => text.to_owned(),
    }
}

/// The commonest slip in TOML: quotes where there should be none, or none where there should be.
fn quoting(place: &Place, expected: &str) -> Option<String> {
    let name = place.key.rsplit('.').next()?;
    match &place.text {
        _ if place.loose => None,
        Some(text) => {
            let fits = match expected {
                "true or false" => matches!(text.as_str(), "true" | "false"),
                "a number" => text.parse::<f64>().is_ok(),
                _ => expected.starts_with("a whole number") && text.parse::<i128>().is_ok(),
            };
            fits.then(|| format!("write it without quotes: `{name} = {text}`"))
        }
        None if expected == "a string" && place.shown.starts_with('`') => {
            Some(format!("write it in quotes: `{name} = \"{}\"`", place.shown.trim_matches('`')))
        }
        None => None,
    }
}
