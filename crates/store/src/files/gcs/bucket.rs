//! Where a bucket of Google Cloud Storage is.

use std::fmt;

use crate::files::cloud::address::{self, Address, Form, NotABucket};

const FORM: Form = Form {
    scheme: "gs://",
    example: "gs://bucket/folder",
    credentials: "`files.service_account`, or `files.service_account_key`",
    name: "bucket: it has from 3 to 63 small letters, digits, `-`, `_` and `.`",
    is_name,
};

/// The address of a bucket of Google Cloud Storage: `gs://bucket/folder`. It has no secret in it.
///
/// | setting | |
/// |---|---|
/// | `endpoint` | where the server is, if it is not Google's |
///
/// ```
/// use mainstay_store::files::GoogleBucket;
///
/// let bucket: GoogleBucket = "gs://shop/files".parse()?;
/// assert_eq!(bucket.place(), "gs://shop/files");
/// # Ok::<(), mainstay_store::files::NotABucket>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleBucket {
    pub(super) name: String,
    pub(super) folder: Option<String>,
    pub(super) endpoint: Option<String>,
}

impl GoogleBucket {
    /// Where it is, without settings.
    pub fn place(&self) -> String {
        address::place(FORM.scheme, &self.name, self.folder.as_deref())
    }

    /// Whether what is kept there goes over a network in the clear.
    pub fn is_exposed(&self) -> bool {
        address::is_exposed(self.endpoint.as_deref())
    }

    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("https://storage.googleapis.com")
    }
}

impl std::str::FromStr for GoogleBucket {
    type Err = NotABucket;

    fn from_str(text: &str) -> Result<Self, NotABucket> {
        let Address { name, folder, settings } = Address::parse(text, &FORM)?;
        let mut bucket = Self { name, folder, endpoint: None };
        for (setting, value) in settings {
            match &*setting {
                "endpoint" => bucket.endpoint = Some(address::endpoint(&value)?),
                _ => return Err(NotABucket::UnknownSetting(setting, "`endpoint` alone")),
            }
        }
        Ok(bucket)
    }
}

/// <https://cloud.google.com/storage/docs/buckets#naming>. With full stops it may be longer, as the name of a host.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=222).contains(&name.len())
        && name.split('.').all(|part| (1..=63).contains(&part.len()))
        && name.bytes().all(|byte| is_plain(byte) || b"-_.".contains(&byte))
        && [name.bytes().next(), name.bytes().last()].into_iter().flatten().all(is_plain)
}

impl fmt::Display for GoogleBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_what_they_leave_out() {
        let bucket: GoogleBucket = "gs://shop_files.example".parse().unwrap();
        assert_eq!((bucket.folder.as_deref(), bucket.endpoint()), (None, "https://storage.googleapis.com"));
        let bucket: GoogleBucket = "gs://shop/a/b/?endpoint=http://storage.internal:9000/".parse().unwrap();
        assert_eq!(
            (bucket.folder.as_deref(), bucket.endpoint()),
            (Some("a/b"), "http://storage.internal:9000")
        );
        assert!(bucket.is_exposed());
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "gs:",
            "gs://",
            "gs:bucket",
            "s3://bucket",
            "gs://Shop",
            "gs://sh",
            "gs://-shop",
            "gs://shop_",
            "gs://shop..files",
            "gs://key:secret@shop",
            "gs://shop/../a",
            "gs://shop?region=eu",
            "gs://shop?endpoint=storage:9000",
        ] {
            assert!(text.parse::<GoogleBucket>().is_err(), "{text}");
        }
    }
}
