//! Paths as clients write them, brought to the one form that patterns are compared with.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathFault {
    #[error("A `%` in the path is not followed by two hexadecimal digits.")]
    BadEncoding,
    #[error("The path is not valid UTF-8 once its percent-encoding is decoded.")]
    NotUtf8,
}

/// Two paths that mean the same (RFC 3986, 6.2.2) become the same text: what needs no encoding is decoded, the rest is
/// encoded in upper case. A path without `%` or foreign letters is left alone, which costs one look at each byte.
pub(crate) fn normalise(path: &str) -> Result<Cow<'_, str>, PathFault> {
    if path.bytes().all(|byte| byte != b'%' && byte.is_ascii()) {
        return Ok(Cow::Borrowed(path));
    }
    let mut text = String::with_capacity(path.len() + 8);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(PathFault::BadEncoding),
            },
            plain if plain.is_ascii() => {
                text.push(char::from(plain));
                continue;
            }
            foreign => foreign,
        };
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    percent_decode_str(&text).decode_utf8().map_err(|_| PathFault::NotUtf8)?;
    Ok(Cow::Owned(text))
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_paths_become_one() {
        assert_eq!(normalise("/about").unwrap(), "/about");
        assert_eq!(normalise("/%61bout%2fx").unwrap(), "/about%2Fx");
        assert_eq!(normalise("/gr%c3%b6%C3%9fe").unwrap(), "/gr%C3%B6%C3%9Fe");
        assert_eq!(normalise("/größe").unwrap(), "/gr%C3%B6%C3%9Fe");
    }

    #[test]
    fn refuses_what_cannot_be_decoded() {
        assert_eq!(normalise("/100%"), Err(PathFault::BadEncoding));
        assert_eq!(normalise("/%4"), Err(PathFault::BadEncoding));
        assert_eq!(normalise("/%zz"), Err(PathFault::BadEncoding));
        assert_eq!(normalise("/%ff"), Err(PathFault::NotUtf8));
    }

    proptest::proptest! {
        #[test]
        fn normalising_twice_changes_nothing(path in "/([a-z%/]|%[0-9a-fA-F]{2}|ß){0,20}") {
            if let Ok(once) = normalise(&path) {
                proptest::prop_assert_eq!(&normalise(&once).unwrap(), &once);
            }
        }
    }
}
