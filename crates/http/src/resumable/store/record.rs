//! What is known of an upload, beside what has come of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mainstay_core::Result;
use serde::{Deserialize, Serialize};

use super::super::metadata::Metadata;
use super::{Asker, Id, missing};

/// How files begin that are not yet a record.
pub(super) const UNNAMED: &str = ".record-";

/// The file `<id>.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::resumable) struct Record {
    /// How long it will be, where that is known.
    pub(in crate::resumable) length: Option<u64>,
    /// The address at which it was begun.
    pub(in crate::resumable) address: String,
    /// The query with which it was begun.
    query: Option<String>,
    /// Whose it is, by the principal's identity.
    pub(in crate::resumable) owner: Option<String>,
    /// With whom it is counted: the owner, or whoever has the same address.
    pub(super) counted_as: String,
    /// What the client says about it, as it came.
    pub(in crate::resumable) metadata: String,
    /// From here on nothing is known to be what its checksum says: it is dropped when the request that writes it has not come to
    /// its end.
    pub(in crate::resumable) doubtful_from: Option<u64>,
    /// Whether the handler has taken it.
    pub(in crate::resumable) finished: bool,
}

impl Record {
    /// A file that begins.
    pub(in crate::resumable) fn new(
        asker: Asker,
        length: Option<u64>,
        metadata: String,
        query: Option<String>,
    ) -> Self {
        let Asker { address, identity: owner, counted_as } = asker;
        Self { length, address, query, owner, counted_as, metadata, doubtful_from: None, finished: false }
    }

    /// What was asked for when it was begun: the address, and its query.
    pub(in crate::resumable) fn target(&self) -> String {
        let path = if self.address.is_empty() { "/" } else { &self.address };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// What the client says about it. It was read when the file began.
    pub(in crate::resumable) fn metadata(&self) -> Metadata {
        Metadata::parse(self.metadata.as_bytes()).unwrap_or_default()
    }

    /// Refuses whoever it does not belong to.
    pub(super) fn for_asker(self, asker: &Asker) -> Result<Self> {
        let is_owner = self.owner.is_none() || self.owner == asker.identity;
        if is_owner && self.address == asker.address { Ok(self) } else { Err(missing()) }
    }

    pub(super) fn path(folder: &Path, id: &Id) -> PathBuf {
        folder.join(format!("{}.json", id.as_str()))
    }

    /// Reads it, if it is there. Blocks.
    pub(super) fn load(folder: &Path, id: &Id) -> io::Result<Option<Self>> {
        match fs::read(Self::path(folder, id)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it, as a whole or not at all. Blocks.
    pub(super) fn save(&self, folder: &Path, id: &Id, now: SystemTime) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNNAMED).tempfile_in(folder)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        let written: &File = file.as_file();
        written.set_modified(now)?;
        written.sync_all()?;
        file.persist(Self::path(folder, id)).map_err(|error| error.error)?;
        Ok(())
    }
}
