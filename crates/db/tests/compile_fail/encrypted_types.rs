//! Types that do not go with encryption, or with a blind index.

use mainstay_db::{Json, model};

#[model]
pub struct Types {
    pub id: i64,
    #[field(encrypted)]
    pub tags: Vec<String>,
    #[field(encrypted, blind_index)]
    pub document: Json<Vec<String>>,
    #[field(encrypted, blind_index = lowercase)]
    pub number: i64,
}

fn main() {}
