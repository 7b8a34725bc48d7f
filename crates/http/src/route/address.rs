//! The address of a named route, made from its parameters: the way back from a pattern to a path.

use std::fmt::Write as _;

use mainstay_core::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All that is not unreserved (RFC 3986, 2.3) is encoded.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, for what may have several segments.
const REST: &AsciiSet = &VALUE.remove(b'/');

/// Fills a pattern, whose literals are encoded already. What the pattern does not name goes into the query.
pub(crate) fn fill(pattern: &str, parameters: &[(&str, &str)]) -> Result<String> {
    let mut path = String::with_capacity(pattern.len() + 16);
    let mut used = Vec::new();
    let mut rest = pattern;
    while let Some((literal, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}').unwrap_or((tail, ""));
        path.push_str(literal);
        let (name, set) = match name.strip_prefix('*') {
            Some(name) => (name, REST),
            None => (name, VALUE),
        };
        let Some((_, value)) = parameters.iter().find(|(known, _)| *known == name) else {
            return Err(Error::internal(format!("the address `{pattern}` needs a value for `{name}`")));
        };
        if value.is_empty() {
            return Err(Error::internal(format!("`{name}` of the address `{pattern}` must not be empty")));
        }
        let _ = write!(path, "{}", utf8_percent_encode(value, set));
        used.push(name);
        rest = tail;
    }
    path.push_str(rest);
    let mut mark = '?';
    for (name, value) in parameters.iter().filter(|(name, _)| !used.contains(name)) {
        let _ =
            write!(path, "{mark}{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE));
        mark = '&';
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_and_encodes() {
        assert_eq!(fill("/a/{slug}", &[("slug", "x y/z")]).unwrap(), "/a/x%20y%2Fz");
        assert_eq!(fill("/f/{*path}", &[("path", "a b/c")]).unwrap(), "/f/a%20b/c");
        assert_eq!(fill("/v-{n}", &[("n", "1"), ("q", "a&b"), ("p", "2")]).unwrap(), "/v-1?q=a%26b&p=2");
        assert_eq!(fill("/", &[]).unwrap(), "/");
    }

    #[test]
    fn a_value_is_never_left_out() {
        assert!(fill("/a/{slug}", &[]).unwrap_err().report().contains("`slug`"));
        assert!(fill("/a/{slug}", &[("slug", "")]).is_err());
    }
}
