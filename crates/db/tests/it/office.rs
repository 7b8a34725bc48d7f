//! Models with versions, soft deletion and hooks.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use mainstay_core::{Error, Result};
use mainstay_db::hooks::Write;
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, HasMany, HasOne, Hooks, ManyToMany, ModelMeta, Saving, Tx, model};

/// A folder of documents.
#[model]
#[derive(PartialEq)]
pub(crate) struct Folder {
    pub id: i64,
    #[field(max_length = 40)]
    pub name: String,
    #[has_many(by = folder)]
    pub documents: HasMany<Document>,
    #[has_one(by = latest_in)]
    pub latest: HasOne<Document>,
    #[many_to_many(through = Shelf)]
    pub shelved: ManyToMany<Document>,
}

/// A document that several people write on, and that can be thrown away.
#[model]
#[derive(PartialEq)]
pub(crate) struct Document {
    pub id: i64,
    #[field(unique, max_length = 40)]
    pub title: String,
    #[field(default = "")]
    pub body: String,
    #[belongs_to(on_delete = cascade)]
    pub folder: BelongsTo<Folder>,
    #[belongs_to]
    pub latest_in: Option<BelongsTo<Folder>>,
    #[field(version)]
    pub version: i32,
    #[field(deleted_at)]
    pub deleted_at: Option<DateTime<Utc>>,
    #[field(updated_at)]
    pub updated_at: DateTime<Utc>,
    #[many_to_many(through = Shelf)]
    pub folders: ManyToMany<Folder>,
}

/// Which document lies in which folder too.
#[model(table = "shelves")]
pub(crate) struct Shelf {
    pub id: i64,
    #[belongs_to(on_delete = cascade)]
    pub folder: BelongsTo<Folder>,
    #[belongs_to(on_delete = cascade)]
    pub document: BelongsTo<Document>,
    #[field(deleted_at)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A page with an address made from its title.
#[model(hooks)]
#[derive(PartialEq)]
pub(crate) struct Page {
    pub id: i64,
    #[field(unique, max_length = 40)]
    pub title: String,
    #[field(default = "", max_length = 40)]
    pub slug: String,
    #[field(default)]
    pub saves: i32,
}

/// What has happened to pages.
#[model]
pub(crate) struct Entry {
    pub id: i64,
    #[field(max_length = 80)]
    pub text: String,
}

/// How many pages have been committed.
pub(crate) static COMMITTED: AtomicUsize = AtomicUsize::new(0);

impl Hooks for Page {
    async fn before_save(row: &mut Saving<'_, Self>, _: &Tx) -> Result<()> {
        if let Some(title) = row.get(|p| p.title)? {
            if title == "refused" {
                return Err(Error::bad_request("Not this title."));
            }
            row.change(|p| p.slug(title.to_lowercase().replace(' ', "-")));
        }
        if let Some(saves) = row.before().map(|before| before.saves) {
            row.change(|p| p.saves(saves + 1));
        }
        Ok(())
    }

    async fn after_save(row: &Self, write: Write, tx: &Tx) -> Result<()> {
        NewEntry { text: format!("{write:?} {}", row.slug) }.insert(tx).await?;
        if row.title == "too late" { Err(Error::bad_request("Not this title.")) } else { Ok(()) }
    }

    async fn before_delete(row: &Self, _: &Tx) -> Result<()> {
        if row.slug == "home" { Err(Error::conflict("There must be a first page.")) } else { Ok(()) }
    }

    async fn after_delete(row: &Self, tx: &Tx) -> Result<()> {
        NewEntry { text: format!("Deleted {}", row.slug) }.insert(tx).await.map(|_| ())
    }

    async fn after_commit(row: Self, write: Write, db: Db) -> Result<()> {
        let there = Self::get(row.key(), &db).await?.is_some();
        assert_eq!(there, write != Write::Deleted);
        COMMITTED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

pub(crate) fn models() -> [&'static ModelMeta; 5] {
    [meta_of::<Folder>(), meta_of::<Document>(), meta_of::<Shelf>(), meta_of::<Page>(), meta_of::<Entry>()]
}
