//! What a file must be.

use mainstay_core::media_type::exact;
use mainstay_core::{Error, Result, StatusCode};

/// What the files of a field must be: how large, how many, of which types. A type without values stands for it:
///
/// ```
/// use mainstay_http::extract::{FileRules, MultipartForm, Upload};
/// use serde::Deserialize;
///
/// /// A picture for the top of a page.
/// struct Cover;
///
/// impl FileRules for Cover {
///     const TYPES: &'static [&'static str] = &["image/png", "image/jpeg"];
///     const MOST_BYTES: u64 = 5 * 1024 * 1024;
/// }
///
/// #[derive(Deserialize)]
/// struct NewPage {
///     title: String,
///     cover: Upload<Cover>,
/// }
///
/// async fn create(MultipartForm(page): MultipartForm<NewPage>) -> String {
///     format!("{}: {} of {} bytes", page.title, page.cover.media_type(), page.cover.size())
/// }
/// ```
pub trait FileRules: 'static {
    /// The media types that are accepted: `image/png`, or `image/*` for all of a kind. Empty accepts any.
    ///
    /// What counts is what the file begins with, never what the client says. A type that nothing in the content tells
    /// apart from other texts (`text/csv`, `application/json`) is a text whose name ends accordingly. `image/*` is
    /// without `image/svg+xml`: that is a document in which scripts run. Name it where it is wanted.
    const TYPES: &'static [&'static str] = &[];
    /// How large each may be. The [`BodyLimit`](crate::extract::BodyLimit) of the route limits all of them together.
    const MOST_BYTES: u64 = u64::MAX;
    /// How many there may be, in a field that is a list.
    const MOST_FILES: usize = 20;
}

/// Any file.
#[derive(Clone, Copy, Debug)]
pub struct AnyFile;

impl FileRules for AnyFile {}

/// A picture of dots that browsers show.
#[derive(Clone, Copy, Debug)]
pub struct Image;

impl FileRules for Image {
    const TYPES: &'static [&'static str] =
        &["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
}

/// A PDF document.
#[derive(Clone, Copy, Debug)]
pub struct Pdf;

impl FileRules for Pdf {
    const TYPES: &'static [&'static str] = &["application/pdf"];
}

/// Whether a file that came by another way than a form fits these rules: what it is, by its content, and how large it is, in bytes.
///
/// ```
/// use mainstay_http::extract::{Image, judge};
///
/// assert!(judge::<Image>("image/png", 4711).is_ok());
/// assert_eq!(judge::<Image>("text/html", 4711).unwrap_err().status(), 415);
/// ```
///
/// # Errors
///
/// 413 when it is too large, 415 when it is something else.
pub fn judge<R: FileRules>(media_type: &str, size: u64) -> Result<()> {
    let rules = Rules::of::<R>();
    if size > rules.most_bytes {
        let message = format!("The file is larger than {}.", crate::extract::body::size(rules.most_bytes));
        return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    if !rules.takes(media_type) {
        let message = format!("Expected {}, found `{media_type}`.", rules.wanted());
        return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    Ok(())
}

/// [`FileRules`] as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) types: &'static [&'static str],
    pub(crate) most_bytes: u64,
    pub(crate) most_files: usize,
}

impl Rules {
    pub(crate) fn of<R: FileRules>() -> Self {
        Self { types: R::TYPES, most_bytes: R::MOST_BYTES, most_files: R::MOST_FILES }
    }

    /// The media type of a file whose content looks like `sniffed`, if it is accepted.
    pub(crate) fn accept(&self, sniffed: &'static str, file_name: Option<&str>) -> Option<&'static str> {
        let exact = exact(sniffed, file_name);
        self.takes(exact).then_some(exact)
    }

    fn takes(&self, exact: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| fits(wanted, exact))
    }

    /// What is accepted, in words.
    pub(crate) fn wanted(&self) -> String {
        match self.types {
            [] => "any file".to_owned(),
            [only] => format!("`{only}`"),
            [first @ .., last] => format!("`{}` or `{last}`", first.join("`, `")),
        }
    }
}

fn fits(wanted: &str, found: &str) -> bool {
    match wanted.strip_suffix("/*") {
        Some(kind) => {
            found.split_once('/').is_some_and(|(found, _)| found == kind) && found != "image/svg+xml"
        }
        None => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(types: &'static [&'static str], sniffed: &'static str, name: &str) -> Option<&'static str> {
        Rules { types, most_bytes: 0, most_files: 0 }.accept(sniffed, Some(name))
    }

    #[test]
    fn believes_the_content_and_the_name_only_among_texts() {
        assert_eq!(accept(&["image/png"], "image/png", "a.gif"), Some("image/png"));
        assert_eq!(accept(&["image/png"], "image/gif", "a.png"), None);
        assert_eq!(accept(&["text/csv"], "text/plain", "a.csv"), Some("text/csv"));
        assert_eq!(accept(&["text/csv"], "text/plain", "a.txt"), None);
        assert_eq!(accept(&["text/csv"], "text/html", "a.csv"), None);
        assert_eq!(accept(&["text/csv"], "application/zip", "a.csv"), None);
        assert_eq!(accept(&["text/html"], "text/plain", "a.html"), None);
        assert_eq!(accept(&[], "text/plain", "a.js"), Some("text/plain"));
    }

    #[test]
    fn a_kind_of_pictures_is_without_documents_that_run_scripts() {
        assert_eq!(accept(&["image/*"], "image/tiff", ""), Some("image/tiff"));
        assert_eq!(accept(&["image/*"], "image/svg+xml", "a.png"), None);
        assert_eq!(accept(&["image/svg+xml"], "image/svg+xml", ""), Some("image/svg+xml"));
    }
}
