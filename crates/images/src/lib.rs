//! Pictures in other sizes and formats, made by jobs.
//!
//! ```
//! use mainstay_core::{App, Inject, Result};
//! use mainstay_db::Db;
//! use mainstay_images::{Images, ImagesExt, ImageVariant};
//! use mainstay_store::files::Blob;
//!
//! /// What is shown beside a name.
//! const AVATAR: ImageVariant = ImageVariant::cover("avatar", 128, 128);
//!
//! fn app() -> App {
//!     App::new().image_variant(AVATAR)
//! }
//!
//! /// A picture has come, and belongs to a row that is written here.
//! async fn keep(picture: &Blob, images: &Images, db: &Db) -> Result<()> {
//!     db.transaction(async |tx| images.prepare(picture, tx).await).await
//! }
//!
//! /// What is shown of it: the small one, and until it is made the picture itself.
//! async fn shown(picture: Blob, images: Inject<Images>) -> Result<Blob> {
//!     Ok(images.variant(&picture, &AVATAR).await?.unwrap_or(picture))
//! }
//! # let _ = app();
//! ```
//!
//! In reading order:
//!
//! - [`variant`]: [`ImageVariant`], what becomes of a picture.
//! - `pixels`: the making of one, from bytes to bytes; what is refused.
//! - `tables`: which were made. A variant is a file as any other, which stays as long as its row does.
//! - [`images`]: [`Images`], what an application uses.
//! - `job`: the job that makes them. [`module`]: the section `images`, and the service that deletes those of pictures that are gone.

pub mod images;
mod job;
pub mod module;
mod pixels;
mod tables;
pub mod variant;

pub use images::Images;
pub use module::{ImagesConfig, ImagesExt};
pub use variant::{Format, ImageVariant};
