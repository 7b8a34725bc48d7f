//! By content.

use super::name::media_type;

/// How many bytes are looked at: enough for the first entries of an archive, which tell one document of an office from
/// another.
pub const SNIFFED: usize = 4096;

const BINARY: &str = "application/octet-stream";
const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
const SVG: &str = "image/svg+xml";

/// What a file is, judged by how it begins: its first 4096 bytes. `application/octet-stream` where nobody knows,
/// `text/plain` for UTF-8 without a mark of its own.
///
/// Signatures are those of the `infer` crate. What consists of text alone is never taken for a picture or an archive,
/// whatever its first letters spell, and `text/html` and `image/svg+xml` are told from other texts as browsers do it
/// (WHATWG MIME Sniffing).
///
/// ```
/// use mainstay_core::media_type::sniff;
///
/// assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png");
/// assert_eq!(sniff(b"<svg onload=\"alert(1)\">"), "image/svg+xml");
/// assert_eq!(sniff(b"GIF89a=1;/*<script>"), "text/plain");
/// ```
pub fn sniff(beginning: &[u8]) -> &'static str {
    let beginning = beginning.get(..SNIFFED).unwrap_or(beginning);
    let found = infer::get(beginning);
    match (text(beginning), found) {
        (Some(text), found) => match found {
            // The signatures of these are texts.
            Some(kind) if ["pdf", "ps", "rtf", "pem"].contains(&kind.extension()) => name_of(kind),
            _ => markup(text).unwrap_or(TEXT),
        },
        (None, Some(kind)) => name_of(kind),
        (None, None) => BINARY,
    }
}

/// The name that the rest of the framework has for a type.
fn name_of(kind: infer::Type) -> &'static str {
    let name = media_type(&format!("a.{}", kind.extension())).unwrap_or(kind.mime_type());
    name.split(';').next().unwrap_or(name)
}

/// The bytes as text, if they are UTF-8 and have none of the bytes that only binary files have.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // A character is cut off where the look ends.
        Err(error) if error.error_len().is_none() && bytes.len() == SNIFFED => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    // The "binary data bytes" of the standard, section 3.
    let binary = |byte: u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    (!text.bytes().any(binary)).then_some(text)
}

/// Documents that browsers run scripts in.
fn markup(text: &str) -> Option<&'static str> {
    /// The standard's list, section 7.1, and what else makes a document of markup.
    const TAGS: [&str; 24] = [
        "!doctype", "html", "head", "script", "iframe", "h1", "div", "font", "table", "a", "style", "title",
        "b", "body", "br", "p", "!--", "img", "meta", "link", "form", "object", "embed", "base",
    ];
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    let is_svg = ["<svg", ":svg"].iter().any(|tag| lower.contains(tag));
    if lower.starts_with("<?xml") || lower.starts_with("<svg") || lower.starts_with("<!doctype svg") {
        return Some(if is_svg { SVG } else { "text/xml" });
    }
    let tag = lower.strip_prefix('<')?;
    let is_tag = |name: &&str| {
        tag.strip_prefix(*name).is_some_and(|rest| {
            rest.is_empty() || name.starts_with('!') || rest.starts_with([' ', '>', '/', '\t', '\n', '\r'])
        })
    };
    if is_svg {
        // Behind a comment or another root, it is a picture to some and a page to others: in both, scripts run.
        return Some(SVG);
    }
    TAGS.iter().any(is_tag).then_some(HTML)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_files_by_their_signatures() {
        let cases: [(&[u8], &str); 12] = [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"),
            (b"GIF89a\x01\0\x01\0\0\0\0", "image/gif"),
            (b"RIFF\x1a\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7\n%", "application/pdf"),
            (b"PK\x03\x04\x14\0\0\0\0\0", "application/zip"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "application/x-executable"),
            (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "image/avif"),
            (b"\x01\x02\x03", "application/octet-stream"),
            (b"", "text/plain"),
            ("größer;kleiner\n1;2".as_bytes(), "text/plain"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn takes_no_document_with_scripts_for_a_picture_or_for_text() {
        let cases = [
            ("<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>", "image/svg+xml"),
            ("\u{feff} <?xml version=\"1.0\"?>\n<!-- a picture -->\n<svg>", "image/svg+xml"),
            ("<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\">\n<svg>", "image/svg+xml"),
            ("<!-- hello --><SVG onload=a()>", "image/svg+xml"),
            ("<?xml version=\"1.0\"?><s:svg xmlns:s=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml"),
            ("<?xml version=\"1.0\"?><rss/>", "text/xml"),
            ("\n\t<!DOCTYPE html><p>", "text/html"),
            ("<script>alert(1)</script>", "text/html"),
            ("<IMG src=x onerror=a()>", "text/html"),
            ("<!-- <p> -->", "text/html"),
            ("GIF89a=1;/*<script>*/", "text/plain"),
            ("BM<script>alert(1)</script>", "text/plain"),
            ("1 < 2, <b", "text/plain"),
        ];
        for (text, expected) in cases {
            assert_eq!(sniff(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_character_that_is_cut_off_by_the_look_is_still_text() {
        let text = format!("{}é{}", "a".repeat(SNIFFED - 1), "a".repeat(100));
        assert_eq!(sniff(text.as_bytes()), "text/plain");
        assert_eq!(sniff(b"abc\xc3"), "application/octet-stream");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            proptest::prop_assert!(sniff(&bytes).contains('/'));
        }
    }
}
