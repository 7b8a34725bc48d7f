//! Files: the contract for every store, and what each of them does by itself.

mod attachments;
#[cfg(feature = "azure")]
mod azure;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
mod clouds;
mod contract;
#[cfg(feature = "gcs")]
mod gcs;
mod local;
#[cfg(feature = "s3")]
mod s3;
mod starting;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use mainstay_core::{Error, Result};
use mainstay_store::files::{FileBody, FileInfo};

/// Bytes that are not the same twice within reach.
pub(crate) fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_u32;
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect::<Vec<u8>>().into()
}

/// In pieces as a client sends them.
pub(crate) fn in_pieces(bytes: Bytes) -> FileBody {
    let pieces: Vec<_> =
        bytes.chunks(60_000).map(|piece| Ok::<_, Error>(Bytes::copy_from_slice(piece))).collect();
    FileBody::stream(stream::iter(pieces))
}

/// A body that breaks off.
pub(crate) fn cut_off(bytes: Bytes) -> FileBody {
    let pieces = [Ok(bytes), Err(Error::bad_request("The client has gone."))];
    FileBody::stream(stream::iter(pieces))
}

pub(crate) async fn keys(found: impl Stream<Item = Result<FileInfo>>) -> Vec<String> {
    found.map_ok(|info| info.key.to_string()).try_collect().await.unwrap()
}
