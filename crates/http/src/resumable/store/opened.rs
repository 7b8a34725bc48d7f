//! An upload that a request has, and that nobody else has meanwhile.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;
use mainstay_core::Result;

use super::super::checksum::Checksum;
use super::super::lock::Held;
use super::{Id, Record, Uploads, remove_file};
use crate::extract::{blocking, sync_folder};
use crate::files::SNIFFED;

/// An upload that this request has.
pub(in crate::resumable) struct Opened {
    pub(in crate::resumable) id: Id,
    pub(in crate::resumable) record: Record,
    /// How much has come.
    pub(in crate::resumable) offset: u64,
    uploads: Arc<Uploads>,
    touched: SystemTime,
    grip: Arc<Grip>,
}

/// The file and what keeps others away. Whoever works on the file has one, so that the upload is not given to another request
/// while a disk is still at work for one that is gone.
pub(super) struct Grip {
    // Dropped in this order.
    file: Option<File>,
    held: Held,
}

impl Grip {
    pub(super) fn new(file: Option<File>, held: Held) -> Arc<Self> {
        Arc::new(Self { file, held })
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Opened {
    pub(super) fn new(uploads: Arc<Uploads>, id: Id, record: Record, grip: Arc<Grip>) -> Self {
        Self { id, record, offset: 0, uploads, touched: SystemTime::UNIX_EPOCH, grip }
    }

    pub(super) fn at(self, offset: u64, touched: SystemTime) -> Self {
        Self { offset, touched, ..self }
    }

    /// Where the bytes are.
    pub(in crate::resumable) fn path(&self) -> PathBuf {
        self.uploads.data(&self.id)
    }

    /// When it will be gone.
    pub(in crate::resumable) fn expires(&self) -> SystemTime {
        self.touched + self.uploads.config.expires_in(self.offset)
    }

    /// Whether all of it is there.
    pub(in crate::resumable) fn is_complete(&self) -> bool {
        self.record.length == Some(self.offset)
    }

    /// Completes when another request wants it.
    pub(in crate::resumable) async fn wanted(&self) {
        self.grip.held.wanted().await;
    }

    /// Makes sure that there is room for it up to here.
    pub(in crate::resumable) fn claim_up_to(&self, length: u64) -> Result<()> {
        self.uploads.room.grow(&self.id, length)
    }

    /// Writes bytes at its end, and gives the buffer back, empty.
    pub(in crate::resumable) async fn append(
        &mut self,
        mut bytes: BytesMut,
        checksum: &mut Option<Checksum>,
    ) -> Result<BytesMut> {
        let (grip, length) = (Arc::clone(&self.grip), bytes.len() as u64);
        let mut context = checksum.take();
        let (bytes, context) = blocking(move || {
            grip.file()?.write_all(&bytes)?;
            if let Some(context) = &mut context {
                context.update(&bytes);
            }
            bytes.clear();
            Ok((bytes, context))
        })
        .await?;
        *checksum = context;
        self.offset += length;
        Ok(bytes)
    }

    /// What it begins with, as much as a look needs.
    pub(in crate::resumable) async fn beginning(&self) -> Result<Vec<u8>> {
        let grip = Arc::clone(&self.grip);
        blocking(move || {
            let mut file = grip.file()?;
            file.seek(SeekFrom::Start(0))?;
            let mut beginning = Vec::with_capacity(SNIFFED);
            file.take(SNIFFED as u64).read_to_end(&mut beginning)?;
            Ok(beginning)
        })
        .await
    }

    /// Notes that what comes now is not to be believed before its checksum has been seen.
    pub(in crate::resumable) async fn doubt(&mut self) -> Result<()> {
        self.record.doubtful_from = Some(self.offset);
        self.save().await
    }

    /// Believes what has come.
    pub(in crate::resumable) async fn believe(&mut self) -> Result<()> {
        // First the bytes: a record must not say more than the disk has.
        self.sync().await?;
        self.record.doubtful_from = None;
        self.save().await
    }

    /// Drops what came of a request that had a checksum and did not come to its end.
    pub(in crate::resumable) async fn forget_doubtful(&mut self) -> Result<()> {
        if let Some(offset) = self.record.doubtful_from {
            self.cut(offset.min(self.offset)).await?;
            // A record that has forgotten the doubt must not be there before the file is shorter.
            self.sync().await?;
            self.record.doubtful_from = None;
            self.save().await?;
        }
        Ok(())
    }

    /// Drops all from here on that may not be on the disk, or notes that it is not to be believed.
    pub(in crate::resumable) async fn take_back(&mut self, offset: u64) {
        let Err(error) = self.cut(offset).await else { return };
        crate::render::log(&error.context("what could not be synchronised could not be dropped"));
        if self.offset > offset {
            let doubtful = self.record.doubtful_from.map_or(offset, |from| from.min(offset));
            self.record.doubtful_from = Some(doubtful);
            if let Err(error) = self.save().await {
                crate::render::log(&error.context("nor could that be noted"));
            }
        }
    }

    /// Drops all from here on.
    pub(in crate::resumable) async fn cut(&mut self, offset: u64) -> Result<()> {
        let grip = Arc::clone(&self.grip);
        blocking(move || grip.file()?.set_len(offset)).await?;
        self.offset = offset;
        Ok(())
    }

    /// Sees to it that what has come is on the disk. What it tells about itself is then what is there.
    pub(in crate::resumable) async fn sync(&mut self) -> Result<()> {
        let grip = Arc::clone(&self.grip);
        self.offset = blocking(move || {
            let file = grip.file()?;
            file.sync_data()?;
            Ok(file.metadata()?.len())
        })
        .await?;
        Ok(())
    }

    /// Lets it expire later: somebody is at it.
    pub(in crate::resumable) async fn touch(&mut self) -> Result<()> {
        let (grip, now) = (Arc::clone(&self.grip), self.uploads.clock.now());
        blocking(move || grip.file()?.set_modified(now)).await?;
        self.touched = now;
        Ok(())
    }

    /// Writes down what is known of it.
    pub(in crate::resumable) async fn save(&self) -> Result<()> {
        let (uploads, grip) = (Arc::clone(&self.uploads), Arc::clone(&self.grip));
        let (record, id, now) = (self.record.clone(), self.id.clone(), uploads.clock.now());
        blocking(move || {
            record.save(&uploads.folder, &id, now)?;
            sync_folder(&uploads.folder)?;
            drop(grip);
            Ok(())
        })
        .await
    }

    /// Notes that it was handed over, and removes the file. Whoever asks is still told so for a while.
    pub(in crate::resumable) async fn finish(&mut self) -> Result<()> {
        self.record.finished = true;
        if !self.uploads.room.remember() {
            return self.remove().await;
        }
        self.save().await?;
        let (path, grip) = (self.path(), Arc::clone(&self.grip));
        self.uploads.room.give_back(&self.id);
        blocking(move || {
            // The handler may have moved it away by itself.
            remove_file(&path);
            drop(grip);
            Ok(())
        })
        .await
    }

    /// Removes all of it.
    pub(in crate::resumable) async fn remove(&self) -> Result<()> {
        let (uploads, id, grip) = (Arc::clone(&self.uploads), self.id.clone(), Arc::clone(&self.grip));
        blocking(move || {
            uploads.forget(&id);
            drop(grip);
            Ok(())
        })
        .await
    }
}
