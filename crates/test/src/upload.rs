//! Forms with files.

use std::fmt::Write;

use bytes::Bytes;

/// A form with files: `multipart/form-data`, RFC 7578.
///
/// ```
/// use mainstay_test::Upload;
///
/// let upload = Upload::new().text("title", "A cat").file("picture", "cat.png", "image/png", b"\x89PNG".as_slice());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Upload(Vec<u8>);

const BOUNDARY: &str = "mainstay-test-7b1f5c0e9d";

impl Upload {
    /// An empty form.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(name, "", value.as_bytes())
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, name: &str, file_name: &str, media_type: &str, content: impl AsRef<[u8]>) -> Self {
        let extra = format!("; filename=\"{}\"\r\ncontent-type: {media_type}", quoted(file_name));
        self.part(name, &extra, content.as_ref())
    }

    fn part(mut self, name: &str, extra: &str, content: &[u8]) -> Self {
        let mut head = String::new();
        let name = quoted(name);
        // Writing to a `String` cannot fail.
        let _ =
            write!(head, "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{extra}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn finish(mut self) -> (String, Bytes) {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), self.0.into())
    }
}

/// As browsers do it: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
