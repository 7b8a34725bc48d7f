//! A file on its way, in parts.
//!
//! A small one is one request. A larger one is sent in parts, of which the bucket shows nothing before the last request has put them
//! together. One that is given up is told so, so that its parts cost nothing; those of a process that was killed are left to a rule of the bucket
//! (`AbortIncompleteMultipartUpload`), and on Azure to Azure, which drops them after a week.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult,
};
use tokio::task::JoinSet;

use super::{Cloud, Provider, bare};
use crate::files::contract::{FileInfo, Incoming};
use crate::files::error::FilesError;
use crate::files::key::FileKey;

/// How large a part is.
const PART: usize = 8 << 20;
/// How many parts a file may have.
const MOST_PARTS: usize = 10_000;
/// How many parts are on their way at once, while the next one is filled.
const AT_ONCE: usize = 2;
/// How long it is tried to tell that a file is given up.
const GIVING_UP: Duration = Duration::from_secs(30);

pub(super) struct Coming {
    store: Arc<dyn ObjectStore>,
    path: Path,
    attributes: Attributes,
    waiting: BytesMut,
    size: u64,
    /// From the first full part on.
    parts: Option<Parts>,
}

struct Parts {
    upload: Box<dyn MultipartUpload>,
    sending: JoinSet<object_store::Result<()>>,
}

impl Coming {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path, media_type: &str) -> Self {
        let attributes = Attributes::from_iter([(Attribute::ContentType, media_type.to_owned())]);
        Self { store, path, attributes, waiting: BytesMut::new(), size: 0, parts: None }
    }

    async fn write(&mut self, mut bytes: Bytes) -> object_store::Result<()> {
        self.size += bytes.len() as u64;
        while self.waiting.len() + bytes.len() >= PART {
            self.waiting.extend_from_slice(&bytes.split_to(PART - self.waiting.len()));
            self.send().await?;
        }
        self.waiting.extend_from_slice(&bytes);
        Ok(())
    }

    /// Sends what waits as the next part.
    async fn send(&mut self) -> object_store::Result<()> {
        let part = PutPayload::from(self.waiting.split().freeze());
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let options =
                    PutMultipartOptions { attributes: self.attributes.clone(), ..Default::default() };
                let upload = self.store.put_multipart_opts(&self.path, options).await?;
                self.parts.insert(Parts { upload, sending: JoinSet::new() })
            }
        };
        while parts.sending.len() >= AT_ONCE {
            parts.arrived().await?;
        }
        // It ends with the set, which ends with the file.
        parts.sending.spawn(parts.upload.put_part(part));
        Ok(())
    }

    async fn finish(&mut self) -> object_store::Result<PutResult> {
        if self.parts.is_none() {
            let options = PutOptions { attributes: self.attributes.clone(), ..PutOptions::default() };
            let all = PutPayload::from(self.waiting.split().freeze());
            return self.store.put_opts(&self.path, all, options).await;
        }
        if !self.waiting.is_empty() {
            self.send().await?;
        }
        if let Some(parts) = &mut self.parts {
            while !parts.sending.is_empty() {
                parts.arrived().await?;
            }
            // One that failed before is missing, whoever goes on nevertheless: that is an error here.
            let kept = parts.upload.complete().await?;
            self.parts = None;
            return Ok(kept);
        }
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }
}

impl Parts {
    /// Waits for one of those that are on their way.
    async fn arrived(&mut self) -> object_store::Result<()> {
        if let Some(arrived) = self.sending.join_next().await {
            arrived??;
        }
        Ok(())
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let (Some(parts), Ok(runtime)) = (self.parts.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let path = self.path.clone();
        // Nobody waits for it, and it ends by itself.
        runtime.spawn(async move {
            let Parts { mut upload, mut sending } = parts;
            sending.shutdown().await;
            let given_up = tokio::time::timeout(GIVING_UP, upload.abort()).await;
            if !matches!(given_up, Ok(Ok(()))) {
                tracing::warn!(
                    target: "mainstay::files", path = path.as_ref(),
                    "the parts of a file that was given up may still be in the bucket"
                );
            }
        });
    }
}

/// The same with its key.
pub(super) struct Keyed<P> {
    pub(super) coming: Coming,
    pub(super) by: Cloud<P>,
    pub(super) key: FileKey,
    pub(super) media_type: String,
}

impl<P: Provider> Incoming for Keyed<P> {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), FilesError>> {
        async move {
            let most = (PART * MOST_PARTS) as u64;
            if self.coming.size + bytes.len() as u64 > most {
                return Err(FilesError::TooLarge { most });
            }
            self.coming.write(bytes).await.map_err(|why| self.by.fault(why, None))
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<FileInfo, FilesError>> {
        async move {
            let kept = self.coming.finish().await.map_err(|why| self.by.fault(why, None))?;
            Ok(FileInfo {
                size: self.coming.size,
                etag: bare(&kept.e_tag.unwrap_or_default()),
                // To the second, as the bucket tells it afterwards, by its own clock.
                modified: std::time::SystemTime::now(),
                key: self.key,
                media_type: self.media_type,
            })
        }
        .boxed()
    }
}
