//! A file on its way out, which goes on where it was cut off.
//!
//! `object_store` does it too, as long as the time for trying again lasts, which begins with the download: here it is as often as something
//! has come, since a film may be on its way for an hour.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use object_store::{GetOptions, GetRange, GetResult};

use super::{Cloud, Provider};
use crate::files::error::FilesError;
use crate::files::key::FileKey;

/// What has to come before it is gone on once more.
const PROGRESS: u64 = 64 * 1024;

struct Resuming<P> {
    by: Cloud<P>,
    key: FileKey,
    etag: Option<String>,
    left: Range<u64>,
    /// Where it was gone on from last.
    from: u64,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
}

/// The bytes of a file that has been found.
pub(super) fn resuming<P: Provider>(
    by: Cloud<P>,
    key: FileKey,
    found: GetResult,
) -> impl Stream<Item = Result<Bytes, FilesError>> + Send {
    let (etag, left) = (found.meta.e_tag.clone(), found.range.clone());
    let pieces = found.into_stream();
    let first = Resuming { by, key, etag, from: left.start, left, pieces };
    stream::try_unfold(first, |mut state| async move {
        loop {
            let why = match state.pieces.next().await {
                Some(Ok(piece)) => {
                    state.left.start += piece.len() as u64;
                    return Ok(Some((piece, state)));
                }
                None if state.left.is_empty() => return Ok(None),
                None => {
                    object_store::Error::Generic { store: P::NAME, source: "the file ends too early".into() }
                }
                Some(Err(why)) => why,
            };
            if state.etag.is_none() || state.left.start < state.from + PROGRESS {
                return Err(state.by.fault(why, Some(&state.key)));
            }
            state.go_on().await?;
        }
    })
}

impl<P: Provider> Resuming<P> {
    /// From here on, if it is still that file.
    async fn go_on(&mut self) -> Result<(), FilesError> {
        self.from = self.left.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.left.clone())),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let found = self.by.found(&self.key, options).await;
        self.pieces = found.map_err(|why| self.by.fault(why, Some(&self.key)))?.into_stream();
        Ok(())
    }
}
