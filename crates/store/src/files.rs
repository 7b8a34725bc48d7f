//! Files: in a folder, in memory, or in a cloud. What is put in is there as a whole, or not at all.
//!
//! In reading order:
//!
//! 1. `handle`: [`Files`], what the application takes from the container, and [`StoredFile`].
//! 2. `key` and `body`: [`FileKey`], what a file is kept under, and [`FileBody`], what it is made of.
//! 3. `link` and `url`: [`FileUrl`], a URL that holds for a while, and what it grants.
//! 4. `contract`: [`FileStore`], what every store fulfils. One suite holds them to it (`tests/it/files/contract.rs`).
//! 5. `local`, `memory`, `s3`, `gcs`, `azure`: the stores. `cloud` is what the last three have in common.
//! 6. `error`: [`FilesError`], with its status.
//! 7. [`attachments`]: files that rows refer to.
//! 8. `module` and `config`: the built-in module `files`, and its section.

pub mod attachments;
#[cfg(feature = "azure")]
mod azure;
mod body;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
mod cloud;
mod config;
mod contract;
mod error;
#[cfg(feature = "gcs")]
mod gcs;
mod handle;
mod key;
mod link;
mod local;
mod memory;
pub mod module;
#[cfg(feature = "s3")]
mod s3;
mod url;

pub use attachments::{Attachment, Attachments, Blob, KeepsAttachments};
#[cfg(feature = "azure")]
pub use azure::{Azure, Container};
pub use body::FileBody;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
pub use cloud::address::NotABucket;
pub use config::FilesConfig;
pub use contract::{FileInfo, FileStore, FilesDriver, Found, Incoming};
pub use error::FilesError;
#[cfg(feature = "gcs")]
pub use gcs::{Gcs, GoogleBucket};
pub use handle::{Files, StoredFile};
pub use key::FileKey;
pub use link::FileUrl;
pub use local::Local;
pub use memory::Memory;
pub use module::ServesFiles;
#[cfg(feature = "s3")]
pub use s3::{Bucket, S3};
pub use url::{Grant, Signed};
