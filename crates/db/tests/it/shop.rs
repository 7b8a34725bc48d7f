//! Models of a shop, for what is reckoned.

use chrono::{DateTime, NaiveDate, Utc};
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, HasMany, ModelMeta, model};
use rust_decimal::Decimal;

/// Who sells.
#[model]
#[derive(PartialEq)]
pub(crate) struct Seller {
    pub id: i64,
    #[field(max_length = 40)]
    pub name: String,
    #[has_many(by = seller)]
    pub products: HasMany<Product>,
}

/// What is sold.
#[model]
#[derive(PartialEq)]
pub(crate) struct Product {
    pub id: i64,
    #[field(max_length = 40)]
    pub name: String,
    pub note: Option<String>,
    pub stock: i64,
    pub sold: i32,
    pub weight: f64,
    pub price: Decimal,
    pub discount: Option<i32>,
    #[belongs_to]
    pub seller: BelongsTo<Seller>,
    #[belongs_to]
    pub maker: Option<BelongsTo<Seller>>,
    pub made_at: DateTime<Utc>,
    pub best_before: Option<NaiveDate>,
}

pub(crate) fn models() -> [&'static ModelMeta; 2] {
    [meta_of::<Product>(), meta_of::<Seller>()]
}

/// Three sellers (the last sells nothing) and five products.
pub(crate) async fn fill(db: &Db) -> Vec<Seller> {
    let mut sellers = Vec::new();
    for name in ["Ann", "Bob", "Cid"] {
        sellers.push(NewSeller { name: name.into() }.insert(db).await.unwrap());
    }
    let rows = [
        ("apple", None, 10, 3, 0.5, 450, None, 0, "2026-01-31T23:59:59.999999Z"),
        ("bread", Some(" Fresh "), 7, 2, 1.25, 275, Some(10), 0, "2026-02-01T00:00:00Z"),
        ("cheese", Some("Old"), 0, 5, 2.75, 1000, Some(50), 0, "2025-12-31T12:30:45Z"),
        ("Date", None, 4, 0, 0.1, 99, None, 1, "2026-02-01T08:00:00Z"),
        ("élan", Some(""), -3, 1, 10.0, 123_456, Some(0), 1, "2024-02-29T01:02:03Z"),
    ];
    for (name, note, stock, sold, weight, price, discount, seller, made_at) in rows {
        let new = NewProduct {
            name: name.into(),
            stock,
            sold,
            weight,
            price: Decimal::new(price, 2),
            seller: sellers[seller].key(),
            made_at: made_at.parse().unwrap(),
        };
        let maker = (name == "cheese").then(|| sellers[1].key());
        let best_before = NaiveDate::from_ymd_opt(2026, 3, 15).filter(|_| name == "bread");
        let draft = new.note(note.map(str::to_owned)).discount(discount).maker(maker);
        draft.best_before(best_before).insert(db).await.unwrap();
    }
    sellers
}
