//! An album of pictures.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use mainstay_core::{App, Inject};
use mainstay_db::{BelongsTo, Db, ModelsExt, model, models};
use mainstay_images::{ImageVariant, Images, ImagesExt};
use mainstay_store::files::{Attachments, Blob};
use mainstay_test::TestApp;

pub(crate) const THUMB: ImageVariant = ImageVariant::cover("thumb", 32, 32);
pub(crate) const WIDE: ImageVariant = ImageVariant::contain("wide", 100, 100);

/// A page of the album.
#[model]
pub(crate) struct Sheet {
    pub id: i64,
    #[belongs_to]
    pub picture: BelongsTo<Blob>,
}

pub(crate) fn album() -> App {
    App::new().models(models![Sheet]).image_variant(THUMB).image_variant(WIDE)
}

/// What the tests look at.
pub(crate) struct Look<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) db: Inject<Db>,
    pub(crate) images: Inject<Images>,
    pub(crate) attachments: Inject<Attachments>,
}

impl<'a> Look<'a> {
    pub(crate) async fn at(app: &'a TestApp) -> Self {
        let (db, images) = (app.inject().await, app.inject().await);
        Self { app, db, images, attachments: app.inject().await }
    }

    /// A picture on a sheet.
    pub(crate) async fn picture(&self, name: &str, bytes: Vec<u8>) -> (Sheet, Blob) {
        let blob = self.attachments.keep(name, bytes).await.unwrap();
        let sheet = NewSheet { picture: blob.key() }.insert(&*self.db).await.unwrap();
        (sheet, blob)
    }

    /// The size in pixels of a file that was made.
    pub(crate) async fn size(&self, file: &Blob) -> (u32, u32) {
        let bytes = self.attachments.get(file).await.unwrap().bytes().await.unwrap();
        let image = image::load_from_memory(&bytes).unwrap();
        (image.width(), image.height())
    }
}

/// A photograph of this size.
pub(crate) fn photograph(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 120]));
    let mut bytes = Vec::new();
    DynamicImage::from(image).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg).unwrap();
    bytes
}
