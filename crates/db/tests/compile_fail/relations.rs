//! Relations that say too much, or too little.
use mainstay_db::{HasMany, HasOne, ManyToMany, model};

#[model]
pub struct Tag {
    pub id: i64,
}

#[model]
pub struct Article {
    pub id: i64,
    #[has_one]
    pub tags: HasMany<Tag>,
    pub tag: HasOne<Tag>,
    #[has_one(through = Tag)]
    pub other: HasOne<Tag>,
    #[many_to_many(through = Tag, by = articles)]
    pub more: ManyToMany<Tag>,
    #[many_to_many(from = article)]
    pub most: ManyToMany<Tag>,
}

fn main() {}
