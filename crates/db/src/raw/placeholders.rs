//! `?` and `:name`, in the form that the engine has for them.

use std::sync::Arc;

use crate::driver::Dialect;
use crate::error::DbError;
use crate::value::Value;

/// The text as the engine reads it, and the values in the order in which it wants them.
pub(super) fn resolve(
    text: Arc<str>,
    values: Vec<Value>,
    named: &[(&'static str, Value)],
    dialect: Dialect,
) -> Result<(Arc<str>, Vec<Value>), DbError> {
    let is_as_it_is = dialect != Dialect::Postgres || !text.contains('?');
    if named.is_empty() && is_as_it_is {
        return Ok((text, values));
    }
    let fault = |why: String| DbError::Statement { sql: text.to_string(), detail: why };
    let mut sql = String::with_capacity(text.len() + 8);
    let mut ordered = Vec::with_capacity(values.len() + named.len());
    let mut positional = values.into_iter();
    let mut used = vec![false; named.len()];
    let mut rest = &*text;
    while !rest.is_empty() {
        let length = skipped(rest, dialect);
        if length > 0 {
            sql.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if let Some(after) = rest.strip_prefix("??") {
            sql.push_str(if dialect == Dialect::Postgres { "?" } else { "??" });
            rest = after;
        } else if let Some(after) = rest.strip_prefix('?') {
            let value =
                positional.next().ok_or_else(|| fault("it has more places than values".to_owned()))?;
            sql.push_str(&dialect.placeholder(ordered.len()));
            ordered.push(value);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("::") {
            sql.push_str("::");
            rest = after;
        } else if let Some((name, after)) = name(rest).filter(|_| !named.is_empty()) {
            let found = named.iter().position(|(given, _)| *given == name);
            let index = found.ok_or_else(|| fault(format!("no value is bound to `:{name}`")))?;
            used[index] = true;
            sql.push_str(&dialect.placeholder(ordered.len()));
            ordered.push(named[index].1.clone());
            rest = after;
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            sql.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    if positional.next().is_some() {
        return Err(fault("it has fewer places than values".to_owned()));
    }
    match used.iter().position(|used| !used) {
        Some(index) => Err(fault(format!("it has no place for `:{}`", named[index].0))),
        None => Ok((sql.into(), ordered)),
    }
}

/// `:name`, and what comes behind it.
fn name(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(':')?;
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    let begins = text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    begins.then(|| text.split_at(end))
}

/// How long the quoted text or the comment is that `text` begins with; 0 if it begins with neither.
pub(super) fn skipped(text: &str, dialect: Dialect) -> usize {
    let is_mysql = matches!(dialect, Dialect::MySql | Dialect::MariaDb);
    let is_postgres = dialect == Dialect::Postgres;
    let to = |end: &str| text.find(end).map_or(text.len(), |at| at + end.len());
    match text.as_bytes() {
        [b'\'', ..] => quoted(text, 0, is_mysql),
        [b'e' | b'E', b'\'', ..] if is_postgres => quoted(text, 1, true),
        [b'"', ..] => quoted(text, 0, is_mysql),
        [b'`', ..] => quoted(text, 0, false),
        [b'-', b'-', ..] => to("\n"),
        [b'#', ..] if is_mysql => to("\n"),
        [b'/', b'*', ..] => comment(text, is_postgres),
        [b'$', ..] if is_postgres => dollars(text),
        // A word is skipped as a whole, so that the `e` at its end does not begin a text.
        [first, ..] if first.is_ascii_alphabetic() => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let length = text.bytes().take_while(is_part).count();
            let opens_a_text = is_postgres && length > 1 && text[length..].starts_with('\'');
            if opens_a_text && text[..length].ends_with(['e', 'E']) { length } else { length.max(1) }
        }
        _ => 0,
    }
}

/// To the quote that ends it; a doubled one does not, nor one behind a backslash where that escapes.
fn quoted(text: &str, start: usize, has_escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes[start];
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if has_escapes => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn comment(text: &str, nests: bool) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") if depth == 0 || nests => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `$$ … $$` and `$tag$ … $tag$`; not `$1`.
fn dollars(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else { return 0 };
    let tag = &text[..end + 2];
    let inside = &tag[1..tag.len() - 1];
    let is_tag = inside.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !inside.starts_with(|letter: char| letter.is_ascii_digit());
    if !is_tag {
        return 0;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |at| tag.len() + at + tag.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn postgres(text: &str) -> Result<String, DbError> {
        let values = (0..text.matches('?').count()).map(|n| Value::Int(n as i64)).collect::<Vec<_>>();
        let places = resolve(text.into(), values.clone(), &[], Dialect::Postgres);
        // As many as there are places: what is in quotes has none.
        (0..=values.len())
            .find_map(|count| resolve(text.into(), values[..count].to_vec(), &[], Dialect::Postgres).ok())
            .map_or(places, Ok)
            .map(|(sql, _)| sql.to_string())
    }

    #[test]
    fn numbers_places_outside_of_quotes_and_comments() {
        for (given, expected) in [
            ("SELECT ? + ?", "SELECT $1 + $2"),
            ("SELECT '?', \"?\", ? -- ?\n, ?", "SELECT '?', \"?\", $1 -- ?\n, $2"),
            ("SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"),
            (r"SELECT '\', ?", r"SELECT '\', $1"),
            (r"SELECT E'\'?', ?", r"SELECT E'\'?', $1"),
            (r"SELECT date'2026-01-01?', ?", r"SELECT date'2026-01-01?', $1"),
            ("/* ? /* ? */ ? */ ?", "/* ? /* ? */ ? */ $1"),
            ("$$ ? $$ $a$ ? $$ ? $a$ ?", "$$ ? $$ $a$ ? $$ ? $a$ $1"),
            ("a ?? 'key' AND b = ?::text", "a ? 'key' AND b = $1::text"),
            ("?", "$1"),
        ] {
            assert_eq!(postgres(given).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn finds_names() {
        let named = [("low", Value::Int(1)), ("high", Value::Int(2))];
        let text = "SELECT x::int, ':low' FROM t WHERE x > :low AND x < :high AND y <> :low AND z = ?";
        let (sql, values) = resolve(text.into(), vec![Value::Int(7)], &named, Dialect::Postgres).unwrap();
        assert_eq!(&*sql, "SELECT x::int, ':low' FROM t WHERE x > $1 AND x < $2 AND y <> $3 AND z = $4");
        assert_eq!(values, [1, 2, 1, 7].map(Value::Int));
        let (sql, _) = resolve(text.into(), vec![Value::Int(7)], &named, Dialect::Sqlite).unwrap();
        assert_eq!(&*sql, "SELECT x::int, ':low' FROM t WHERE x > ? AND x < ? AND y <> ? AND z = ?");
        assert!(resolve("SELECT :other".into(), Vec::new(), &named, Dialect::Sqlite).is_err());
        assert!(resolve("SELECT :low".into(), Vec::new(), &named, Dialect::Sqlite).is_err());
        assert!(resolve("SELECT ?".into(), Vec::new(), &[], Dialect::Postgres).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_loses_nothing(text in "[?:a-e'\"`$*/#\\\\ é\n-]{0,40}") {
            for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::MySql] {
                let named = [("a", Value::Null)];
                let _ = resolve(text.as_str().into(), vec![Value::Null; 3], &named, dialect);
                if let Ok((sql, _)) = resolve(text.as_str().into(), Vec::new(), &[], dialect) {
                    prop_assert_eq!(sql.replace('?', ""), text.replace('?', ""));
                }
            }
        }
    }
}
