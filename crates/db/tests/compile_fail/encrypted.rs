//! What does not go with a value that the engine never sees.

use mainstay_db::{BelongsTo, embedded, model};

#[model]
pub struct Key {
    #[field(primary_key, encrypted)]
    pub code: String,
}

#[model]
pub struct Settings {
    pub id: i64,
    #[field(encrypted, unique)]
    pub unique: String,
    #[field(encrypted, index)]
    pub index: String,
    #[field(encrypted, searchable)]
    pub searchable: String,
    #[field(encrypted, check = "length(checked) > 1")]
    pub checked: String,
    #[field(encrypted, generated = "upper(checked)")]
    pub computed: String,
    #[field(encrypted, default_sql = "'x'")]
    pub by_engine: String,
    #[field(encrypted, version)]
    pub version: i64,
    #[field(blind_index)]
    pub alone: String,
    #[field(encrypted, blind_index = uppercase)]
    pub form: String,
    #[field(reads_plain)]
    pub plain: String,
}

#[model]
#[index(number)]
#[unique(id, number)]
#[search(number)]
pub struct Above {
    pub id: i64,
    #[field(encrypted)]
    pub number: String,
}

#[model]
pub struct Relation {
    pub id: i64,
    #[belongs_to]
    #[field(encrypted)]
    pub other: BelongsTo<Plain>,
    #[field(encrypted)]
    pub plain_id: i64,
    #[belongs_to(fields(plain_id))]
    pub plain: BelongsTo<Plain>,
}

#[model]
pub struct Plain {
    pub id: i64,
    pub name: String,
}

#[embedded]
pub struct Part {
    #[field(encrypted)]
    pub inside: String,
}

#[embedded]
pub struct Address {
    pub street: String,
}

#[model]
pub struct WithPart {
    pub id: i64,
    #[embedded]
    #[field(encrypted)]
    pub address: Address,
}

fn main() {}
