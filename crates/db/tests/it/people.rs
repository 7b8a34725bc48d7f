//! Models that are related in every way: to one, to many, twice to the same, to themselves.

use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, HasMany, HasOne, ManyToMany, ModelMeta, model};

#[model]
#[derive(PartialEq)]
pub(crate) struct Person {
    pub id: i64,
    #[field(unique, max_length = 40)]
    pub name: String,
    #[has_one]
    pub passport: HasOne<Passport>,
    #[has_many(by = owner)]
    pub owned: HasMany<Book>,
    #[has_many(by = borrower)]
    pub borrowed: HasMany<Book>,
    #[many_to_many]
    pub reads: ManyToMany<Book>,
    #[many_to_many(table = "favourites")]
    pub likes: ManyToMany<Book>,
    #[many_to_many]
    pub follows: ManyToMany<Self>,
    #[many_to_many(by = follows)]
    pub followers: ManyToMany<Self>,
}

#[model]
#[derive(PartialEq)]
pub(crate) struct Passport {
    pub id: i64,
    #[field(max_length = 20)]
    pub number: String,
    #[field(unique)]
    #[belongs_to(on_delete = cascade)]
    pub holder: BelongsTo<Person>,
}

#[model]
#[derive(PartialEq)]
pub(crate) struct Book {
    pub id: i64,
    #[field(max_length = 40)]
    pub title: String,
    #[belongs_to(on_delete = cascade)]
    pub owner: BelongsTo<Person>,
    #[belongs_to(on_delete = set_null)]
    pub borrower: Option<BelongsTo<Person>>,
    #[field(unique)]
    #[belongs_to]
    pub sequel_to: Option<BelongsTo<Self>>,
    #[has_one(by = sequel_to)]
    pub sequel: HasOne<Self>,
    #[many_to_many(by = reads)]
    pub readers: ManyToMany<Person>,
}

pub(crate) fn models() -> [&'static ModelMeta; 3] {
    [meta_of::<Book>(), meta_of::<Passport>(), meta_of::<Person>()]
}
