//! What an application uses.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mainstay_core::clock::Clock;
use mainstay_core::{Contributions, Error, Inject, Result};
use mainstay_db::{Db, Executor, Tx, Uuid};
use mainstay_jobs::Job;
use mainstay_store::files::attachments::{BlobState, NewFile};
use mainstay_store::files::{Attachments, Blob, Files};
use tokio::sync::Semaphore;

use crate::job::MakeVariants;
use crate::module::ImagesConfig;
use crate::pixels::{self, Made, Unusable};
use crate::tables::{NewStoredVariant, StoredVariant};
use crate::variant::ImageVariant;

/// So much of a reason is kept, in characters.
const LONGEST_FAULT: usize = 255;
/// So many rows are looked at by one statement.
const WINDOW: u64 = 500;

/// Pictures in other sizes. Injectable where a [`ImageVariant`] is contributed.
pub struct Images {
    db: Db,
    attachments: Inject<Attachments>,
    clock: Inject<dyn Clock>,
    variants: Vec<ImageVariant>,
    most_pixels: u64,
    /// So many are made at once: each has a picture in memory.
    places: Arc<Semaphore>,
}

impl Images {
    pub(crate) fn new(
        db: Inject<Db>,
        attachments: Inject<Attachments>,
        clock: Inject<dyn Clock>,
        config: Inject<ImagesConfig>,
        contributions: Inject<Contributions>,
    ) -> Self {
        let variants = contributions.of::<ImageVariant>().map(|found| *found.value).collect();
        let places = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            db: db.primary(),
            attachments,
            clock,
            variants,
            most_pixels: config.most_pixels,
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Has every variant of a picture made, by a job, when the transaction is committed.
    ///
    /// # Errors
    ///
    /// When the job cannot be written.
    pub async fn prepare(&self, picture: &Blob, tx: &Tx) -> Result<()> {
        self.enqueue(picture, tx).await
    }

    /// A variant of a picture. None as long as it is not made, and where it cannot be, since the file is no picture; the first time
    /// that somebody asks for one that nobody has prepared, a job makes it.
    ///
    /// # Errors
    ///
    /// When the application does not have this variant; and those of the database.
    pub async fn variant(&self, picture: &Blob, variant: &ImageVariant) -> Result<Option<Blob>> {
        Ok(self.variants_of([picture], variant).await?.remove(&picture.id))
    }

    /// The same of several pictures, with one question to the database, and one more for each that is not made yet: those that are, by the
    /// ids of their pictures.
    ///
    /// # Errors
    ///
    /// As [`variant`](Self::variant).
    pub async fn variants_of<'a>(
        &self,
        pictures: impl IntoIterator<Item = &'a Blob>,
        variant: &ImageVariant,
    ) -> Result<HashMap<Uuid, Blob>> {
        let variant = self.known(variant)?;
        let pictures: HashMap<Uuid, &Blob> =
            pictures.into_iter().map(|picture| (picture.id, picture)).collect();
        if pictures.is_empty() {
            return Ok(HashMap::new());
        }
        let (name, recipes) = (variant.name, [variant.recipe(), self.refusal_of(&variant)]);
        let stored = StoredVariant::filter(|it| it.name.eq(name) & it.recipe.is_in(recipes))
            .filter(|it| it.original.is_in(pictures.keys().copied()))
            .with(|it| it.file)
            .all(&self.db)
            .await?;
        let mut missing = pictures;
        let mut made = HashMap::new();
        for row in stored {
            missing.remove(&row.original);
            if let Some(file) = row.file {
                made.insert(row.original, file.get()?.clone());
            }
        }
        for picture in missing.into_values().filter(|picture| picture.state == BlobState::Kept) {
            self.enqueue(picture, &self.db).await?;
        }
        Ok(made)
    }

    /// Makes a variant now, unless it is made already, and waits for it. None where the file is no picture.
    ///
    /// # Errors
    ///
    /// When the application does not have this variant; those of the store and of the database.
    pub async fn make(&self, picture: &Blob, variant: &ImageVariant) -> Result<Option<Blob>> {
        let variant = self.known(variant)?;
        let (original, name) = (picture.id, variant.name);
        let recipes = [variant.recipe(), self.refusal_of(&variant)];
        let found = StoredVariant::filter(|it| it.original.eq(original) & it.name.eq(name));
        let found = found.filter(|it| it.recipe.is_in(&recipes)).with(|it| it.file).first(&self.db).await?;
        if let Some(row) = found {
            return row.file.map(|file| Ok(file.get()?.clone())).transpose();
        }
        let (file, fault) = match self.pixels(picture, variant).await? {
            Ok(made) => {
                let name = renamed(&picture.name, made.extension);
                let new = NewFile::new(name, made.bytes).media_type(made.media_type);
                (Some(self.attachments.keep_file(new).await?), None)
            }
            Err(fault) => {
                tracing::info!(target: "mainstay::images", picture = %original, variant = name, reason = %fault, "a file has no variants");
                (None, Some(fault.to_string().chars().take(LONGEST_FAULT).collect()))
            }
        };
        let [recipe, refusal] = recipes;
        let recipe = if fault.is_none() { recipe } else { refusal };
        let new =
            NewStoredVariant { original, name: name.to_owned(), recipe, made_at: self.clock.now().into() };
        let new = new.file(file.as_ref().map(|file| file.key())).fault(fault);
        new.upsert(|it| (it.original, it.name), &self.db).await?;
        Ok(file)
    }

    /// Deletes the variants of pictures that are gone: what the service does once an hour. Their files go then as all do that nothing
    /// refers to. For tests, and for a command of one's own.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn sweep(&self) -> Result<()> {
        let db = self.db.in_background();
        let mut after = 0;
        loop {
            let some = StoredVariant::filter(|it| it.id.gt(after)).order_by(|it| it.id).limit(WINDOW);
            let some: Vec<(i64, Uuid)> = some.select(|it| (it.id, it.original)).all(&db).await?;
            let Some((last, _)) = some.last().copied() else { return Ok(()) };
            let originals: HashSet<Uuid> = some.iter().map(|(_, original)| *original).collect();
            let there = Blob::filter(|it| it.id.is_in(originals)).select(|it| it.id).all(&db).await?;
            let there: HashSet<Uuid> = there.into_iter().collect();
            let gone = some.iter().filter(|(_, original)| !there.contains(original));
            let gone: Vec<i64> = gone.map(|(id, _)| *id).collect();
            if !gone.is_empty() {
                StoredVariant::filter(|it| it.id.is_in(gone)).delete(&db).await?;
            }
            after = last;
        }
    }

    /// Makes every variant of a picture.
    pub(crate) async fn make_all(&self, picture: &Blob) -> Result<()> {
        for variant in &self.variants {
            self.make(picture, variant).await?;
        }
        Ok(())
    }

    async fn enqueue(&self, picture: &Blob, executor: &impl Executor) -> Result<()> {
        MakeVariants { picture: picture.id }.enqueue(executor).await?;
        Ok(())
    }

    async fn pixels(&self, picture: &Blob, variant: ImageVariant) -> Result<Result<Made, Unusable>> {
        let most_bytes = Files::MOST_IN_MEMORY;
        if u64::try_from(picture.size).unwrap_or(0) > most_bytes {
            return Ok(Err(Unusable::TooManyBytes(most_bytes)));
        }
        // It is given back when the work has ended, also when nobody waits for it any more.
        let place = Arc::clone(&self.places).acquire_owned().await?;
        let bytes = self.attachments.get(picture).await?.bytes().await?;
        let most = self.most_pixels;
        let made = tokio::task::spawn_blocking(move || {
            let _place = place;
            pixels::make(&bytes, &variant, most)
        });
        match made.await {
            Ok(made) => Ok(made),
            // A decoder that panics has met a file that nobody can read.
            Err(fault) if fault.is_panic() => Ok(Err(Unusable::Panicked)),
            Err(fault) => Err(fault.into()),
        }
    }

    /// How a row says that nothing can be made so of a picture: with the limit, which may be another one tomorrow.
    fn refusal_of(&self, variant: &ImageVariant) -> String {
        format!("{} of {}", variant.recipe(), self.most_pixels)
    }

    fn known(&self, variant: &ImageVariant) -> Result<ImageVariant> {
        self.variants.iter().find(|known| *known == variant).copied().ok_or_else(|| {
            Error::internal(format!(
                "the application has no variant `{}` of this kind: contribute it by `.image_variant(…)`",
                variant.name
            ))
        })
    }
}

/// `holiday.heic` becomes `holiday.jpg`.
fn renamed(name: &str, extension: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if stem.is_empty() { String::new() } else { format!("{stem}.{extension}") }
}

impl std::fmt::Debug for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Images").field("variants", &self.variants).finish_non_exhaustive()
    }
}
