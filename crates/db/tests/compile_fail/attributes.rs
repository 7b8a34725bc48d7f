//! Attributes that say nothing, or what cannot be.
use mainstay_db::{BelongsTo, HasMany, model};

#[model]
pub struct User {
    pub id: i64,
}

#[model(tabel = "articles")]
#[index(author, publised_at)]
pub struct Article {
    pub number: i64,
    #[field(uniqe)]
    pub slug: String,
    #[belongs_to(on_delete = set_null)]
    pub author: BelongsTo<User>,
    pub editor: BelongsTo<User>,
    #[belongs_to]
    pub readers: HasMany<User>,
    #[field(created_at, default)]
    pub key: i64,
}

#[model]
pub enum Color {
    Red,
}

#[model]
pub struct Computed {
    pub id: i64,
    #[field(generated = "")]
    pub nothing: i64,
    #[field(generated = "id + 1", default = 1)]
    pub both: i64,
    #[field(generated = "id + 1", version)]
    pub counted: i64,
    #[field(generated = "id")]
    #[belongs_to]
    pub other: mainstay_db::BelongsTo<User>,
}

fn main() {}
