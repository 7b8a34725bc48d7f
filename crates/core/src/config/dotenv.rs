//! One layer: `.env`, for a developer's machine.
//!
//! `NAME=value`, one a line; `export ` before it is allowed, so that a shell can read the same file. A value may stand in
//! single quotes (literally) or in double quotes (`\n`, `\t`, `\"`, `\\`, `\$` mean what they do elsewhere); a quoted value
//! may span lines. `#` starts a comment at the start of a line or after a space. Nothing is expanded.

use std::path::Path;

use crate::Finding;

/// A variable and its line, counted from 1.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: usize,
}

/// The variables of `text`, and what could not be read.
pub(super) fn parse(path: &Path, text: &str) -> (Vec<Entry>, Vec<Finding>) {
    let (mut entries, mut findings) = (Vec::new(), Vec::new());
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let line = index + 1;
        let mut more = || lines.next().map(|(_, line)| line);
        match entry(trimmed, &mut more) {
            Ok((name, value)) => entries.push(Entry { name, value, line }),
            Err(what) => findings.push(
                Finding::error(
                    "config.E008",
                    format!("a line of `{}` cannot be read: {what}", path.display()),
                )
                .at(format!("{}:{line}", path.display()))
                .fix("write NAME=value, NAME='literal value' or NAME=\"value with \\n\""),
            ),
        }
    }
    (entries, findings)
}

fn entry<'a>(line: &'a str, more: &mut dyn FnMut() -> Option<&'a str>) -> Result<(String, String), String> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("it has no `=`")?;
    let name = name.trim();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
        return Err(format!("{name:?} is not the name of a variable"));
    }
    let value = value.trim_start();
    let value = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(quote, &value[1..], more)?,
        _ => unquoted(value).to_owned(),
    };
    Ok((name.to_owned(), value))
}

fn unquoted(value: &str) -> &str {
    let end = value
        .char_indices()
        .find(|(at, c)| *c == '#' && (*at == 0 || value[..*at].ends_with([' ', '\t'])))
        .map_or(value.len(), |(at, _)| at);
    value[..end].trim_end()
}

fn quoted<'a>(
    quote: char,
    first: &'a str,
    more: &mut dyn FnMut() -> Option<&'a str>,
) -> Result<String, String> {
    let mut value = String::new();
    let mut line = first;
    loop {
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                c if c == quote => {
                    let rest = chars.as_str().trim_start();
                    return if rest.is_empty() || rest.starts_with('#') {
                        Ok(value)
                    } else {
                        Err("something follows the closing quote".to_owned())
                    };
                }
                '\\' if quote == '"' => match chars.next() {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(c @ ('"' | '\\' | '$')) => value.push(c),
                    Some(c) => value.extend(['\\', c]),
                    None => value.push('\\'),
                },
                c => value.push(c),
            }
        }
        value.push('\n');
        line = more().ok_or_else(|| format!("the closing {quote} is missing"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, usize)> {
        let (entries, findings) = parse(Path::new(".env"), text);
        assert!(findings.is_empty(), "{findings:?}");
        entries.into_iter().map(|entry| (entry.name, entry.value, entry.line)).collect()
    }

    #[test]
    fn reads_each_form() {
        let text = "\
# a comment
PLAIN=a value # and a comment
HASH=a#b
export SHELL_TOO=1

SINGLE='it is # \\n $HOME'
DOUBLE=\"a\\n\\\"b\\\"\" # comment
KEY=\"first
second\"
EMPTY=
AFTER=x";
        let expected = [
            ("PLAIN", "a value", 2),
            ("HASH", "a#b", 3),
            ("SHELL_TOO", "1", 4),
            ("SINGLE", "it is # \\n $HOME", 6),
            ("DOUBLE", "a\n\"b\"", 7),
            ("KEY", "first\nsecond", 8),
            ("EMPTY", "", 10),
            ("AFTER", "x", 11),
        ];
        let expected: Vec<_> = expected.map(|(n, v, l)| (n.to_owned(), v.to_owned(), l)).into();
        assert_eq!(read(text), expected);
    }

    #[test]
    fn names_each_line_that_it_cannot_read_and_goes_on() {
        let (entries, findings) = parse(Path::new(".env"), "nonsense\nA B=1\nGOOD=1\nX=\"a\" b\nOPEN='x");
        assert_eq!(entries.len(), 1);
        let places: Vec<_> = findings.iter().map(|finding| finding.place.clone().unwrap()).collect();
        assert_eq!(places, [".env:1", ".env:2", ".env:4", ".env:5"]);
    }

    #[test]
    fn never_shows_a_line_of_which_it_knows_no_name() {
        let (_, findings) = parse(Path::new(".env"), "hunter2");
        assert!(!findings[0].to_string().contains("hunter2"));
    }
}
