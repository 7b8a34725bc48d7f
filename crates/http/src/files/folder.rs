//! Files in a folder on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::assets::Found;
use super::file::{Opened, is_missing};
use super::place::Place;
use crate::compression::Coding;

/// A folder, and how far its symbolic links may lead.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: Arc<Path>,
    pub(super) links: Links,
}

/// How far symbolic links may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// To what is in the folder.
    Inside,
    /// Anywhere.
    Anywhere,
}

impl Folder {
    /// Looks for what is at a place. Blocks; needs the runtime around it.
    pub(super) fn find(&self, place: &Place, index: Option<&str>, codings: &[Coding]) -> io::Result<Found> {
        match self.look(place, index, codings) {
            Err(error) if is_missing(&error) => Ok(Found::Nothing),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!(path = place.joined(), folder = %self.path.display(), "a file may not be read");
                Ok(Found::Nothing)
            }
            other => other,
        }
    }

    fn look(&self, place: &Place, index: Option<&str>, codings: &[Coding]) -> io::Result<Found> {
        let root = fs::canonicalize(&self.path).map_err(|error| {
            // Not the fault of whoever asks for a file in it.
            let message = format!("the folder {} cannot be read: {error}", self.path.display());
            io::Error::other(message)
        })?;
        let mut path = root.clone();
        path.extend(&place.names);
        let is_folder = fs::metadata(&path)?.is_dir();
        match (is_folder, place.is_folder, index) {
            (false, false, _) => {}
            // `file.txt/` is nothing, and a folder without index page is not listed.
            (false, true, _) | (true, _, None) => return Ok(Found::Nothing),
            (true, true, Some(index)) => path.push(index),
            (true, false, Some(index)) => {
                let has_index = fs::metadata(path.join(index))?.is_file();
                return Ok(if has_index { Found::Folder } else { Found::Nothing });
            }
        }
        let name = path.to_string_lossy().into_owned();
        self.stays_inside(&root, &path)?;
        let plain = fs::metadata(&path)?;
        for coding in codings {
            let mut variant = path.clone().into_os_string();
            variant.push(".");
            variant.push(coding.extension());
            let variant = PathBuf::from(variant);
            if let Ok(packed) = fs::metadata(&variant)
                && packed.is_file()
                // One that was left over from an earlier build says something else.
                && packed.modified()? >= plain.modified()?
                && self.stays_inside(&root, &variant).is_ok()
            {
                return Ok(Found::File { opened: Opened::at(&variant)?, name, coding: Some(*coding) });
            }
        }
        Ok(Found::File { opened: Opened::at(&path)?, name, coding: None })
    }

    fn stays_inside(&self, root: &Path, path: &Path) -> io::Result<()> {
        if self.links == Links::Anywhere || fs::canonicalize(path)?.starts_with(root) {
            return Ok(());
        }
        tracing::warn!(path = %path.display(), "a symbolic link leads out of the folder: not served");
        Err(io::ErrorKind::NotFound.into())
    }
}
