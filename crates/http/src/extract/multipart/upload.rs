//! A file that a client has sent.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use mainstay_core::Result;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::outline::Desk;
use super::rules::{AnyFile, FileRules, Rules};
use super::spool::{Kept, blocking};
use crate::extract::body::size;

/// A file of a [`MultipartForm`](super::MultipartForm), which fits the [rules](FileRules) `R`.
///
/// A small one is in memory, and a large one in a temporary file without a name, which is gone when the upload and its
/// clones are dropped: keep it with [`Upload::save`], or read it.
pub struct Upload<R = AnyFile> {
    file: Kept,
    file_name: Option<String>,
    claimed_type: Option<String>,
    media_type: &'static str,
    rules: PhantomData<fn() -> R>,
}

impl<R> Upload<R> {
    /// What the file is called, safe to be used as the name of a file; see [`Field::file_name`](super::Field::file_name).
    /// Two clients may send the same.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// What it is, judged by its content; see [`sniff`](crate::files::sniff()).
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// What the client says that it is. Do not believe it.
    pub fn claimed_type(&self) -> Option<&str> {
        self.claimed_type.as_deref()
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.file.length()
    }

    /// Whether it is in memory, and not in a temporary file.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.file, Kept::Memory(_))
    }

    /// All of it, in memory: only for what [`FileRules::MOST_BYTES`] or the limit of the route keeps small.
    pub async fn bytes(&self) -> Result<Bytes> {
        if let Kept::Memory(bytes) = &self.file {
            return Ok(bytes.clone());
        }
        let file = self.file.clone();
        blocking(move || file.read(0, usize::MAX)).await
    }

    /// The content, piece by piece.
    pub fn stream(&self) -> impl Stream<Item = Result<Bytes>> + Send + use<R> {
        let pieces = stream::try_unfold((self.file.clone(), 0), |(file, at)| async move {
            if at >= file.length() {
                return Ok(None);
            }
            let piece = file.piece(at).await?;
            let next = at + piece.len() as u64;
            Ok(Some((piece, (file, next))))
        });
        pieces.into_stream()
    }

    /// Keeps it as a file of this name. It is there as a whole or not at all; one that is there already is replaced.
    ///
    /// Never make the path from what the client sent: [`Upload::file_name`] is the most that may be part of it.
    pub async fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.file.save(path.as_ref()).await
    }

    /// The SHA-256 of its content: for names by content, or to find what was sent twice.
    pub async fn sha256(&self) -> Result<[u8; 32]> {
        self.file.sha256().await
    }
}

impl<R> Clone for Upload<R> {
    fn clone(&self) -> Self {
        Self {
            file: self.file.clone(),
            file_name: self.file_name.clone(),
            claimed_type: self.claimed_type.clone(),
            media_type: self.media_type,
            rules: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Upload<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("file_name", &self.file_name)
            .field("media_type", &self.media_type)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// A file that has come in, before a field of a struct takes it.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) file: Kept,
    pub(super) file_name: Option<String>,
    pub(super) claimed_type: Option<String>,
    pub(super) sniffed: &'static str,
    /// A fault of it is written down already.
    pub(super) refused: bool,
}

/// What an [`Upload`] asks a deserialiser for. Those of forms know it by this name; none other does.
pub(crate) const FILE: &str = "$mainstay::Upload";

/// Read from a form, by way of [`MultipartForm`](super::MultipartForm). From anything else it is an error.
impl<'de, R: FileRules> Deserialize<'de> for Upload<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(FILE, Taking(PhantomData))
    }
}

struct Taking<R>(PhantomData<R>);

impl<'de, R: FileRules> Visitor<'de> for Taking<R> {
    type Value = Upload<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Upload<R>, D::Error> {
        deserializer.deserialize_bytes(self)
    }

    /// The bytes are the number of the file: a text never gets here.
    fn visit_bytes<E: de::Error>(self, number: &[u8]) -> Result<Upload<R>, E> {
        let rules = Rules::of::<R>();
        let Some(arrived) = Desk::hand_over(number, rules) else {
            return Err(E::custom("a file can only be read from a form with files (`MultipartForm`)"));
        };
        let accepted = rules.accept(arrived.sniffed, arrived.file_name.as_deref());
        if !arrived.refused && arrived.file.length() > rules.most_bytes {
            return Err(E::custom(format_args!("it is larger than {}", size(rules.most_bytes))));
        }
        let media_type = match accepted {
            Some(media_type) => media_type,
            None if arrived.refused => arrived.sniffed,
            None => {
                return Err(E::custom(format_args!(
                    "expected {}, found `{}`",
                    rules.wanted(),
                    arrived.sniffed
                )));
            }
        };
        let Arrived { file, file_name, claimed_type, .. } = arrived;
        Ok(Upload { file, file_name, claimed_type, media_type, rules: PhantomData })
    }
}

#[cfg(feature = "schema")]
impl<R: FileRules> schemars::JsonSchema for Upload<R> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Upload".into()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        std::any::type_name::<Self>().into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let rules = Rules::of::<R>();
        let media_type = match rules.types {
            [only] if !only.ends_with("/*") => *only,
            _ => "application/octet-stream",
        };
        let mut schema =
            schemars::json_schema!({ "type": "string", "format": "binary", "contentMediaType": media_type });
        let types = (!rules.types.is_empty()).then(|| rules.wanted());
        let most = (rules.most_bytes < u64::MAX).then(|| format!("at most {}", size(rules.most_bytes)));
        let words: Vec<String> = types.into_iter().chain(most).collect();
        if !words.is_empty() {
            schema.insert("description".to_owned(), format!("A file: {}.", words.join(", ")).into());
        }
        schema
    }
}
