//! The job that makes variants.

use mainstay_core::{Inject, Result};
use mainstay_db::{Db, Uuid};
use mainstay_jobs::{Job, discard};
use mainstay_store::files::Blob;
use serde::{Deserialize, Serialize};

use crate::images::Images;

/// Makes every variant of a picture. Of several for one picture, one waits.
#[derive(Serialize, Deserialize, Job)]
#[job(name = "mainstay/make_variants", queue = "images", unique, timeout = "10m")]
pub(crate) struct MakeVariants {
    pub(crate) picture: Uuid,
}

impl MakeVariants {
    async fn run(self, images: Inject<Images>, db: Inject<Db>) -> Result<()> {
        let Some(picture) = Blob::get(self.picture, &db.primary()).await? else {
            return Err(discard("the picture is gone"));
        };
        images.make_all(&picture).await
    }
}
