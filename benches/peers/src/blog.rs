//! What the tests beyond TechEmpower answer: posts with their author and comments, and notes that are written.
//!
//! The tables are made and filled by Mainstay's server, which is started first: `author`, `post`, `comment`, `note`.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// How many posts a list or a page has.
pub const PAGE: i64 = 20;
/// How many notes are written by one bulk insert.
pub const BULK: i64 = 10_000;
/// The text of a note.
pub const NOTE: &str = "A note that is about as long as a note often is: a sentence, and half of another.";

/// Who wrote a post.
#[derive(Clone, Serialize)]
pub struct Author {
    /// Its key.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// What somebody said about a post.
#[derive(Serialize)]
pub struct Comment {
    /// Its key.
    pub id: i64,
    /// Whose comment it is.
    pub post_id: i64,
    /// What it says.
    pub text: String,
}

/// A post with what belongs to it.
#[derive(Serialize)]
pub struct Post {
    /// Its key.
    pub id: i64,
    /// The key of its author.
    pub author_id: i64,
    /// Its author, where the list has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// Its comments, where the list has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments: Option<Vec<Comment>>,
}

/// A note that was written.
#[derive(Serialize)]
pub struct Note {
    /// Its key.
    pub id: i64,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}
