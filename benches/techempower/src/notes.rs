//! Notes that are written: one by one, and ten thousand at once.

use chrono::{DateTime, Utc};
use mainstay::prelude::*;

/// How many notes are written at once.
const BULK: usize = 10_000;
const TEXT: &str = "A note that is about as long as a note often is: a sentence, and half of another.";

/// A note.
#[model(table = "note")]
pub(crate) struct Note {
    pub id: i64,
    pub text: String,
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
}

/// Writes one.
#[get("/insert")]
pub(crate) async fn insert(db: Inject<Db>) -> Result<Json<Note>> {
    Ok(Json(NewNote { text: TEXT.to_owned() }.insert(&db).await?))
}

/// Writes many.
#[get("/bulk")]
pub(crate) async fn insert_many(db: Inject<Db>) -> Result<String> {
    let notes = std::iter::repeat_n(NewNote { text: TEXT.to_owned() }, BULK);
    Ok(Note::insert_all(notes, &db).await?.to_string())
}
