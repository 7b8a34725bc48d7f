//! `a=1&b=two+words`: query strings and the bodies of forms (WHATWG URL, section 5.1), strict about UTF-8.

use std::borrow::Cow;

use mainstay_core::{Fault, Result};
use percent_encoding::percent_decode;

use super::fields::{Origin, Pair};

/// Names and values in the order given.
#[track_caller]
pub(crate) fn parse(text: &[u8], origin: Origin) -> Result<Vec<Pair<'_>>> {
    let mut pairs = Vec::with_capacity(text.len().min(128) / 8 + 1);
    for part in text.split(|&byte| byte == b'&').filter(|part| !part.is_empty()) {
        let equals = part.iter().position(|&byte| byte == b'=');
        let (name, value) = equals.map_or((part, &b""[..]), |at| (&part[..at], &part[at + 1..]));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => pairs.push((name, value)),
            (name, _) => {
                let pointer = origin.pointer(&name.unwrap_or_default());
                let fault = Fault::new(pointer, "encoding", "it is not valid UTF-8 once decoded");
                return Err(origin.refuse(vec![fault]).with_status(mainstay_core::StatusCode::BAD_REQUEST));
            }
        }
    }
    Ok(pairs)
}

/// `+` is a space; a `%` without two hexadecimal digits stands for itself.
fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let decoded = match percent_decode(&spaced).into() {
        Cow::Borrowed(_) => spaced,
        Cow::Owned(decoded) => decoded,
    };
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        let pairs = parse(text.as_bytes(), Origin::Query).unwrap();
        pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    #[test]
    fn refuses_what_is_not_utf8_and_names_it() {
        let error = parse(b"a=1&b=%ff", Origin::Query).unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults()[0].pointer.as_str()), (400, "query:b"));
        let error = parse(b"na%2Fme=\xff", Origin::Form).unwrap_err();
        assert_eq!((error.status().as_u16(), error.faults()[0].pointer.as_str()), (400, "/na~1me"));
        assert_eq!(parse(b"%ff=1", Origin::Query).unwrap_err().status(), 400);
    }

    #[test]
    fn leaves_a_stray_percent_sign_alone() {
        assert_eq!(parsed("a=100%&b=%zz+c"), [("a".into(), "100%".into()), ("b".into(), "%zz c".into())]);
    }

    proptest::proptest! {
        #[test]
        fn decodes_as_the_standard_says(text in "[a-z&=+%0-9é]{0,40}") {
            if let Ok(pairs) = parse(text.as_bytes(), Origin::Query) {
                let standard: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
                proptest::prop_assert_eq!(pairs, standard);
            }
        }

        #[test]
        fn gives_back_what_was_encoded(name in ".{1,10}", value in ".{0,20}") {
            let text: String = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            proptest::prop_assert_eq!(parsed(&text), [(name, value)]);
        }
    }
}
