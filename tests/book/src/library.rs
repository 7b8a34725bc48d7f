//! The models of the page about relations, and of that about writing, for their other snippets.

#![allow(missing_docs, reason = "as the pages show them")]

use chrono::{DateTime, Utc};
use mainstay::db::{meta::meta_of, schema::create_tables};
use mainstay::prelude::*;

#[model]
pub struct Reader {
    pub id: i64,
    #[field(unique)]
    pub name: String,
    #[has_one]
    pub card: HasOne<Card>,
    #[has_many(by = owner)]
    pub owned: HasMany<Book>,
    #[has_many(by = borrower)]
    pub borrowed: HasMany<Book>,
    #[many_to_many]
    pub reads: ManyToMany<Book>,
    #[many_to_many]
    pub follows: ManyToMany<Self>,
    #[many_to_many(by = follows)]
    pub followers: ManyToMany<Self>,
}

#[model]
pub struct Card {
    pub id: i64,
    pub number: String,
    #[field(unique)]
    #[belongs_to(on_delete = cascade)]
    pub reader: BelongsTo<Reader>,
}

#[model]
pub struct Book {
    pub id: i64,
    pub title: String,
    #[belongs_to]
    pub owner: BelongsTo<Reader>,
    #[belongs_to(on_delete = set_null)]
    pub borrower: Option<BelongsTo<Reader>>,
    #[many_to_many(by = reads)]
    pub readers: ManyToMany<Reader>,
}

#[model]
pub struct Note {
    pub id: i64,
    #[field(unique)]
    pub title: String,
    #[field(default = "")]
    pub text: String,
    #[field(version)]
    pub version: i32,
    #[field(deleted_at)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A database in memory with two readers, Ann and Bob, Ann's book `Emma`, and a note.
///
/// # Errors
///
/// What the database says.
pub async fn open() -> Result<Db> {
    let db = Db::open("sqlite::memory:").await?;
    create_tables(&[meta_of::<Reader>(), meta_of::<Card>(), meta_of::<Book>(), meta_of::<Note>()], &db)
        .await?;
    let ann = NewReader { name: "ann".into() }.insert(&db).await?;
    NewReader { name: "bob".into() }.insert(&db).await?;
    NewBook { title: "Emma".into(), owner: ann.key() }.insert(&db).await?;
    NewNote { title: "todo".into() }.insert(&db).await?;
    Ok(db)
}

/// The reader of that name.
///
/// # Errors
///
/// 404 if there is none.
pub async fn reader(name: &str, db: &Db) -> Result<Reader> {
    Reader::filter(|r| r.name.eq(name)).one(db).await
}
