//! What can go wrong with a file.

use std::error::Error as StdError;
use std::io;

use mainstay_core::{Error, StatusCode};

use super::key::FileKey;

/// Why a store does not do something. It is the cause of the [`Error`] that [`Files`](super::Files) returns:
/// `error.source_as::<FilesError>()`.
///
/// | | status |
/// |---|---|
/// | there is no such file | 404 |
/// | the key is none | 400 |
/// | what is kept there, or above it, is in the way | 409 |
/// | the file is larger than it may be | 413 |
/// | the file has none of the bytes that are asked for | 416 |
/// | the store does not answer, or has failed: in a moment it may go | 503 |
/// | there is no room left | 507 |
/// | everything else is our fault: the store does not let us in, the folder cannot be written | 500 |
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It is nothing that a file can be kept under.
    #[error("this is no key of a file: {why}")]
    NotAKey {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing is kept there.
    #[error("there is no file `{0}`")]
    NotFound(FileKey),
    /// A folder cannot have a file and a folder of one name.
    #[error("`{0}` cannot be kept: what is kept above or below it is in the way")]
    InTheWay(FileKey),
    /// It has become larger than it may be.
    #[error("the file has more than {most} bytes")]
    TooLarge {
        /// What it may have.
        most: u64,
    },
    /// It has none of the bytes that are asked for.
    #[error("the file has {size} bytes, and none of those that are asked for")]
    NoSuchPart {
        /// How large it is.
        size: u64,
    },
    /// There is no room left.
    #[error("there is no room left for files")]
    Full(#[source] io::Error),
    /// The store cannot be asked: it is not there, does not answer in time, or fails.
    #[error("the store of files at {place} is out of reach")]
    OutOfReach {
        /// Where it is.
        place: String,
        /// What happened.
        #[source]
        why: Box<dyn StdError + Send + Sync>,
    },
    /// The store does not let this application in, or knows no such bucket.
    #[error("the store of files at {place} refuses this application")]
    Refused {
        /// Where it is.
        place: String,
        /// What it says.
        #[source]
        why: Box<dyn StdError + Send + Sync>,
    },
    /// Something is wrong here.
    #[error("the file cannot be kept or read")]
    Broken(#[from] io::Error),
}

impl FilesError {
    /// What an error of the disk is, about the file of this key.
    pub(crate) fn of_disk(error: io::Error, key: &FileKey) -> Self {
        use io::ErrorKind::{
            DirectoryNotEmpty, FileTooLarge, IsADirectory, NotADirectory, NotFound, QuotaExceeded,
            StorageFull,
        };
        match error.kind() {
            NotFound => Self::NotFound(key.clone()),
            IsADirectory | NotADirectory | DirectoryNotEmpty => Self::InTheWay(key.clone()),
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full(error),
            _ => Self::Broken(error),
        }
    }
}

impl FilesError {
    /// The error that crosses the border, with the right status.
    #[track_caller]
    pub fn into_error(self) -> Error {
        let outside = match &self {
            Self::NotAKey { .. } => Error::bad_request("This is no key of a file."),
            Self::NotFound(_) => Error::not_found("There is no such file."),
            Self::InTheWay(_) => Error::conflict("Another file is in the way."),
            Self::TooLarge { .. } => {
                Error::new(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than it may be.")
            }
            Self::NoSuchPart { .. } => {
                Error::new(StatusCode::RANGE_NOT_SATISFIABLE, "The file has none of the bytes asked for.")
            }
            Self::Full(_) => Error::new(StatusCode::INSUFFICIENT_STORAGE, "There is no room for the file.")
                .code("storage_full"),
            Self::OutOfReach { .. } => Error::unavailable("Files cannot be reached now."),
            Self::Refused { .. } | Self::Broken(_) => Error::internal("a file cannot be kept or read"),
        };
        outside.caused_by(self)
    }
}

/// Turns the part's own failures into the error that crosses its border.
pub(crate) trait Border<T> {
    /// With the right status.
    fn at_border(self) -> Result<T, Error>;
}

impl<T> Border<T> for Result<T, FilesError> {
    #[track_caller]
    fn at_border(self) -> Result<T, Error> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into_error()),
        }
    }
}
