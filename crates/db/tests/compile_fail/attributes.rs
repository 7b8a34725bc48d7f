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

fn main() {}
