//! The models of the page about queries, for its snippets.

#![allow(missing_docs, reason = "as the page shows them")]

use chrono::{DateTime, Utc};
use mainstay::db::{meta::meta_of, schema::create_tables};
use mainstay::prelude::*;

/// Who sells.
#[model]
pub struct Seller {
    pub id: i64,
    pub name: String,
    #[has_many]
    pub products: HasMany<Product>,
}

/// What is sold.
#[model]
pub struct Product {
    pub id: i64,
    pub name: String,
    pub note: Option<String>,
    pub stock: i64,
    pub sold: i64,
    #[field(default = mainstay::db::Json(serde_json::json!({})))]
    pub data: mainstay::db::Json<serde_json::Value>,
    #[belongs_to]
    pub seller: BelongsTo<Seller>,
    pub made_at: DateTime<Utc>,
}

/// A database in memory with two sellers and three products.
///
/// # Errors
///
/// What the database says.
pub async fn filled() -> Result<Db> {
    let db = Db::open("sqlite::memory:").await?;
    create_tables(&[meta_of::<Seller>(), meta_of::<Product>()], &db).await?;
    for (seller, products) in [("Ann", &["Apple", "Bread"][..]), ("Bob", &["Cheese"])] {
        let seller = NewSeller { name: seller.into() }.insert(&db).await?;
        for product in products {
            let stock = i64::try_from(product.len()).unwrap_or(0);
            let name = (*product).to_owned();
            let new =
                NewProduct { name, stock, sold: 2, seller: seller.key(), made_at: DateTime::UNIX_EPOCH };
            let data = serde_json::json!({ "colors": ["red"], "size": { "width": 12 } });
            new.data(mainstay::db::Json(data)).insert(&db).await?;
        }
    }
    Ok(db)
}
