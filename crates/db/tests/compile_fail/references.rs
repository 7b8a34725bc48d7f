//! Relations by fields that do not go together.
use mainstay_db::{BelongsTo, ManyToMany, model};

#[model]
pub struct Order {
    #[field(primary_key)]
    pub shop: i64,
    #[field(primary_key)]
    pub number: i32,
    #[many_to_many]
    pub orders: ManyToMany<Order>,
}

#[model]
pub struct Line {
    pub id: i64,
    pub shop: i64,
    pub number: Option<i32>,
    #[belongs_to(fields())]
    pub empty: BelongsTo<Line>,
    #[belongs_to(fields(shop, nubmer))]
    pub misspelt: BelongsTo<Line>,
    #[belongs_to(fields(number))]
    pub may_be_missing: BelongsTo<Line>,
    #[belongs_to(fields(shop))]
    pub never_missing: Option<BelongsTo<Line>>,
    #[belongs_to(fields(shop, number), on_delete = set_null)]
    pub emptied: Option<BelongsTo<Line>>,
    #[belongs_to(fields(shop))]
    #[field(unique)]
    pub column: BelongsTo<Line>,
}

fn main() {}
