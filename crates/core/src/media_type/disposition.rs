//! `Content-Disposition` (RFC 6266), with file names in any script (RFC 8187).

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the `attr-char` of RFC 8187, section 3.2.1.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// How a browser should treat a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Show it.
    Inline,
    /// Save it.
    Attachment,
}

/// The header for a file of this name. Whatever would name another folder, or break out of the header, is replaced.
///
/// ```
/// use mainstay_core::media_type::{Disposition, disposition};
///
/// let header = disposition(Disposition::Attachment, "../report.pdf");
/// assert_eq!(header, "attachment; filename=\"_report.pdf\"");
/// ```
pub fn disposition(kind: Disposition, name: &str) -> HeaderValue {
    let kind = match kind {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let name: String =
        name.chars().map(|c| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c }).collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() {
        return HeaderValue::from_static(kind);
    }
    // Old clients read only this one: `%` is left out since some of them decode it.
    let fallback: String =
        name.chars().map(|c| if c.is_ascii() && !matches!(c, '"' | '%') { c } else { '_' }).collect();
    let text = if fallback == name {
        format!("{kind}; filename=\"{fallback}\"")
    } else {
        format!("{kind}; filename=\"{fallback}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ENCODED))
    };
    // Nothing but visible ASCII and spaces is left.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_names_in_any_script() {
        let text = |name| disposition(Disposition::Attachment, name).to_str().unwrap().to_owned();
        assert_eq!(text("report.pdf"), "attachment; filename=\"report.pdf\"");
        assert_eq!(
            text("Überblick €.pdf"),
            "attachment; filename=\"_berblick _.pdf\"; filename*=UTF-8''%C3%9Cberblick%20%E2%82%AC.pdf"
        );
        assert_eq!(
            text("50% \"off\".txt"),
            "attachment; filename=\"50_ _off_.txt\"; filename*=UTF-8''50%25%20%22off%22.txt"
        );
    }

    #[test]
    fn names_no_other_folder_and_no_other_header() {
        let text = |name| disposition(Disposition::Inline, name).to_str().unwrap().to_owned();
        assert_eq!(text("../../etc/passwd"), "inline; filename=\"_.._etc_passwd\"");
        assert_eq!(text("a\r\nSet-Cookie: b"), "inline; filename=\"a__Set-Cookie: b\"");
        assert_eq!(text(".."), "inline");
    }
}
