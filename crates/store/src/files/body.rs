//! What is put into a store.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use mainstay_core::{Error, Result};

use super::error::FilesError;

/// The bytes of a file that is to be kept: a text, bytes, or a stream of them.
///
/// ```
/// use futures_util::stream;
/// use mainstay_core::Error;
/// use mainstay_store::files::FileBody;
///
/// let text: FileBody = "hello".into();
/// let pieces = stream::iter(["hel", "lo"]).map(|piece| Ok::<_, Error>(piece.into()));
/// let streamed = FileBody::stream(pieces).at_most(1024);
/// # use futures_util::StreamExt;
/// ```
pub struct FileBody(pub(super) BoxStream<'static, Result<Bytes>>);

impl FileBody {
    /// The pieces of a stream. Where it fails, nothing is kept.
    pub fn stream<S, E>(pieces: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        Self(pieces.map_err(Into::into).boxed())
    }

    /// The same, refused where it has more bytes (413).
    #[must_use]
    pub fn at_most(self, most: u64) -> Self {
        let counted = stream::try_unfold((self.0, 0_u64), move |(mut pieces, before)| async move {
            let Some(piece) = pieces.try_next().await? else { return Ok(None) };
            let now = before.saturating_add(piece.len() as u64);
            if now > most {
                return Err(FilesError::TooLarge { most }.into_error());
            }
            Ok(Some((piece, (pieces, now))))
        });
        Self(counted.boxed())
    }
}

impl FileBody {
    /// The same, refused where it has more bytes (413) or fewer (400).
    #[must_use]
    pub fn exactly(self, size: u64) -> Self {
        let counted =
            stream::try_unfold((self.at_most(size).0, 0_u64), move |(mut pieces, before)| async move {
                match pieces.try_next().await? {
                    Some(piece) => {
                        let now = before + piece.len() as u64;
                        Ok(Some((piece, (pieces, now))))
                    }
                    None if before < size => {
                        Err(Error::bad_request("The file is shorter than it was said to be."))
                    }
                    None => Ok(None),
                }
            });
        Self(counted.boxed())
    }
}

impl std::fmt::Debug for FileBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileBody").finish_non_exhaustive()
    }
}

macro_rules! from {
    ($($bytes:ty),*) => {$(
        impl From<$bytes> for FileBody {
            fn from(bytes: $bytes) -> Self {
                Self(stream::iter([Ok(Bytes::from(bytes))]).boxed())
            }
        }
    )*};
}

from!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);
