//! serde's terms in the words of somebody who calls an API and has never seen the Rust types behind it.

use std::borrow::Cow;

/// What was expected: `u8` becomes `an integer from 0 to 255`.
pub(crate) fn expected(text: &str) -> Cow<'_, str> {
    let fixed = match text {
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" | "u128" | "usize" => "an integer that is not negative",
        "i8" => "an integer from -128 to 127",
        "i16" => "an integer from -32768 to 32767",
        "i32" => "an integer from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a character" => "a single character",
        "a sequence" | "an array" => "a list",
        "a map" => "an object",
        "unit" => "null",
        "a borrowed string" | "string only" => "a string",
        _ => "",
    };
    if !fixed.is_empty() {
        return Cow::Borrowed(fixed);
    }
    if let Some(number) = text.strip_prefix("a nonzero ") {
        return Cow::Owned(format!("{} other than 0", expected(number)));
    }
    if text.starts_with("struct ") || text.starts_with("internally tagged enum ") {
        return Cow::Borrowed("an object");
    }
    if text.starts_with("enum ") || text.starts_with("adjacently tagged enum ") {
        return Cow::Borrowed("one of its variants");
    }
    if text.starts_with("tuple struct ") || text.starts_with("a tuple of size ") {
        // "tuple struct Point with 2 elements", "a tuple of size 2"
        let count = text.split_whitespace().find(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        return Cow::Owned(format!("a list of {}", count.unwrap_or("fixed length")));
    }
    Cow::Borrowed(text)
}

/// What was found in a document: `string "abc"`, `integer `5``, `map`.
pub(crate) fn found(text: &str) -> Cow<'_, str> {
    if let Some(rest) = text.strip_prefix("floating point ") {
        return Cow::Owned(format!("the number {rest}"));
    }
    for kind in ["string ", "integer ", "boolean "] {
        if text.starts_with(kind) {
            return Cow::Owned(format!("the {}", clip(text)));
        }
    }
    match text {
        "sequence" => Cow::Borrowed("a list"),
        "map" => Cow::Borrowed("an object"),
        "unit value" | "Option value" => Cow::Borrowed("null"),
        other => clip(other),
    }
}

/// A text from a request, fit to be shown: at most 60 characters, none of them a control character.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    clip_to(text, 60)
}

/// The same with another limit.
pub(crate) fn clip_to(text: &str, longest: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(longest).map(|(end, _)| end);
    if end.is_none() && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown: String =
        text.chars().take(longest).map(|ch| if ch.is_control() { '\u{fffd}' } else { ch }).collect();
    if end.is_some() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

/// `` `a`, `b` or `c` ``, the first dozen of them.
pub(crate) fn one_of(names: &[&str]) -> String {
    const MOST: usize = 12;
    let mut list = String::new();
    for (index, name) in names.iter().take(MOST).enumerate() {
        let last = index + 1 == names.len();
        list.push_str(match index {
            0 => "",
            _ if last => " or ",
            _ => ", ",
        });
        list.push('`');
        list.push_str(name);
        list.push('`');
    }
    if names.len() > MOST {
        list.push_str(", …");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_ranges_instead_of_rust_types() {
        assert_eq!(expected("u8"), "an integer from 0 to 255");
        assert_eq!(expected("a nonzero u32"), "an integer from 0 to 4294967295 other than 0");
        assert_eq!(expected("struct NewArticle"), "an object");
        assert_eq!(expected("a tuple of size 2"), "a list of 2");
        assert_eq!(expected("tuple struct Point with 3 elements"), "a list of 3");
        assert_eq!(expected("an RFC 3339 date"), "an RFC 3339 date");
    }

    #[test]
    fn clips_what_it_shows_from_a_request() {
        assert_eq!(clip("short"), "short");
        assert_eq!(clip("a\u{1b}[31mb"), "a\u{fffd}[31mb");
        assert_eq!(clip(&"ä".repeat(100)).chars().count(), 61);
    }

    #[test]
    fn lists_names() {
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
