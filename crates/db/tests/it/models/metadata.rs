//! What attributes say, in the metadata and in the tables.

use chrono::{DateTime, Utc};
use mainstay_db::Dialect::{MariaDb, MySql, Postgres, Sqlite};
use mainstay_db::meta::{Fill, OnUpdate, RelationKind, meta_of};
use mainstay_db::{BelongsTo, Decimal, Uuid, model, schema};

use crate::blog::User;

/// Something to be sold.
#[model(table = "products")]
#[renamed_from(goods)]
#[index(owner, price)]
#[index(title, name = "products_by_title")]
#[check(name = "price_is_fair", sql = "price <= 10 * count", message = "The price is too high for so few.")]
struct Product {
    #[field(default = Uuid::now_v7())]
    id: Uuid,
    #[renamed_from(name)]
    #[field(min_length = 1, max_length = 80, check = "title <> 'none'")]
    title: String,
    #[field(precision = 12, scale = 2, min = 0, max = 99_999.99)]
    price: Decimal,
    #[field(min = 1)]
    count: u16,
    small: i16,
    rank: Option<i8>,
    #[field(default_sql = "'new' || 'est'", max_length = 20)]
    state: String,
    #[field(version)]
    version: i32,
    #[field(deleted_at)]
    deleted_at: Option<DateTime<Utc>>,
    #[belongs_to(on_delete = cascade, on_update = cascade)]
    #[renamed_from(seller)]
    owner: BelongsTo<User>,
}

/// With what only some engines have.
#[model]
#[unique(slug, where = "hidden = 0")]
#[index(expression = "lower(slug)")]
struct Page {
    id: i64,
    #[field(max_length = 80)]
    slug: String,
    hidden: i32,
}

#[test]
fn attributes_become_tables_on_every_dialect() {
    let table = |dialect| schema::create_table(meta_of::<Product>(), dialect).unwrap().join(";\n");
    insta::assert_snapshot!("product_sqlite", table(Sqlite));
    insta::assert_snapshot!("product_postgres", table(Postgres));
    insta::assert_snapshot!("product_mysql", table(MySql));
}

#[test]
fn an_index_that_an_engine_lacks_is_not_left_out() {
    let table = |dialect| schema::create_table(meta_of::<Page>(), dialect).map(|made| made.join(";\n"));
    insta::assert_snapshot!("page_sqlite", table(Sqlite).unwrap());
    insta::assert_snapshot!("page_postgres", table(Postgres).unwrap());
    let fault = table(MySql).unwrap_err().to_string();
    assert_eq!(fault, "MySQL has no index of some rows only, which `pages_slug_partial_key` of `Page` is");
    assert!(table(MariaDb).is_err());
}

#[test]
fn attributes_are_known_at_run_time() {
    let meta = meta_of::<Product>();
    assert_eq!(meta.renamed_from, Some("goods"));
    assert_eq!((meta.checks[0].name, meta.checks[0].sql), ("price_is_fair", "price <= 10 * count"));
    let field = |name: &str| meta.field(name).unwrap().1;
    let price = field("price");
    assert_eq!((price.precision, price.scale), (Some(12), Some(2)));
    assert_eq!((price.min, price.max), (Some(Decimal::ZERO), Some(Decimal::new(9_999_999, 2))));
    assert_eq!((field("count").min, field("count").max), (Some(Decimal::ONE), Some(65_535.into())));
    assert_eq!(field("title").renamed_from, Some("name"));
    assert_eq!(field("owner").renamed_from, Some("seller_id"));
    assert!(field("version").version && field("deleted_at").deleted_at);
    assert!(!field("version").is_required() && !field("state").is_required());
    assert!(matches!(field("state").fill, Fill::Database));
    assert_eq!(field("state").default_sql, Some("'new' || 'est'"));
    let RelationKind::BelongsTo { on_update, .. } = meta.relations[0].kind else { panic!() };
    assert_eq!(on_update, OnUpdate::Cascade);
    let names: Vec<_> = meta_of::<Page>().all_indexes().into_iter().map(|index| index.name).collect();
    assert_eq!(names, ["pages_slug_partial_key", "pages_lower_slug_idx"]);
}
