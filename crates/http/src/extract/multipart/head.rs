//! The head of a part: what the field is called, and its file.

use http::{HeaderMap, HeaderName, HeaderValue};
use mainstay_core::Result;

use super::malformed;

/// How many header fields a part may have: browsers send two.
const MOST_HEADERS: usize = 32;

/// What stands in front of the content of a part.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) headers: HeaderMap,
    pub(super) name: String,
    /// What the client calls the file: there is one, even if it is empty.
    pub(super) file_name: Option<String>,
}

impl Head {
    /// Reads lines that each end in a line break.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut headers = HeaderMap::new();
        let mut rest = bytes;
        while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
            let (line, after) =
                (rest.get(..end).unwrap_or_default(), rest.get(end + 2..).unwrap_or_default());
            rest = after;
            if headers.len() == MOST_HEADERS {
                return Err(malformed("a part has more than 32 header fields"));
            }
            let Some((name, value)) = header(line) else {
                return Err(malformed("a part has malformed headers"));
            };
            headers.append(name, value);
        }
        let disposition = headers.get(http::header::CONTENT_DISPOSITION);
        let Some(disposition) = disposition.and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
        else {
            return Err(malformed("a part has no `Content-Disposition` in UTF-8"));
        };
        let Some(parameters) = parameters(disposition) else {
            return Err(malformed("the `Content-Disposition` of a part is none of `form-data`"));
        };
        let of = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.clone())
        };
        let Some(name) = of("name") else { return Err(malformed("a field has no name")) };
        let file_name = of("filename");
        Ok(Self { headers, name, file_name })
    }
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = memchr::memchr(b':', line)?;
    let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
    let value = HeaderValue::from_bytes(line.get(colon + 1..)?.trim_ascii()).ok()?;
    Some((name, value))
}

/// The parameters of `form-data; name="a"; filename="b"`.
fn parameters(disposition: &str) -> Option<Vec<(&str, String)>> {
    let (kind, mut rest) = disposition.split_once(';').unwrap_or((disposition, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut parameters = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return Some(parameters);
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        parameters.push((name.trim(), value));
        rest = after;
    }
}

/// The text up to the closing quotation mark, and what comes after it.
///
/// Browsers write a quotation mark as `%22`, and other clients as `\"`. A backslash before anything else is one: some
/// clients send whole paths of Windows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, ch)) = chars.next() {
        match ch {
            '"' => return Some((plain, &text[at + 1..])),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => plain.push(escaped),
                None => plain.push('\\'),
            },
            _ => plain.push(ch),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(disposition: &str) -> Result<Head> {
        Head::parse(format!("Content-Type: a/b\r\nContent-Disposition: {disposition}\r\n").as_bytes())
    }

    fn names(disposition: &str) -> (String, Option<String>) {
        let head = head(disposition).unwrap();
        (head.name, head.file_name)
    }

    #[test]
    fn reads_names_as_clients_write_them() {
        let named = |name: &str, file: &str| (name.to_owned(), Some(file.to_owned()));
        assert_eq!(names("form-data; name=a"), ("a".to_owned(), None));
        assert_eq!(names("Form-Data; filename=\"b; c.txt\"; Name=\"ä\""), named("ä", "b; c.txt"));
        assert_eq!(names(r#"form-data;name="a";filename="say \"hi\".txt""#), named("a", "say \"hi\".txt"));
        assert_eq!(
            names(r#"form-data; name="a"; filename="C:\Users\ann.txt""#),
            named("a", r"C:\Users\ann.txt")
        );
        assert_eq!(names("form-data; name=\"\"; filename=\"\";"), named("", ""));
        assert_eq!(head("form-data; name=a").unwrap().headers["content-type"], "a/b");
    }

    #[test]
    fn refuses_heads_that_are_none() {
        for disposition in [
            "attachment; name=a",
            "form-data",
            "form-data; filename=a",
            "form-data; name=\"a",
            "form-data; name",
        ] {
            assert_eq!(head(disposition).unwrap_err().status(), 400, "{disposition}");
        }
        let many = "a: b\r\n".repeat(33);
        for lines in ["", "no colon\r\n", "a b: c\r\n", "Content-Disposition: form-data; name=\0\r\n", &many]
        {
            assert_eq!(Head::parse(lines.as_bytes()).unwrap_err().status(), 400, "{lines:?}");
        }
    }
}
