//! SQL by hand, structs made from rows, and columns set to what is computed.

use mainstay_core::StatusCode;
use mainstay_db::{Dialect, FromRow, case, sql};
use rust_decimal::Decimal;

use super::expressions::shop;
use super::{Engine, suite};
use crate::shop::{NewSeller, Product, Seller};

suite!(
    binds_in_the_place_of_marks_and_names,
    reads_models_and_structs_by_the_names_of_columns,
    reads_tuples_and_values_by_position,
    runs_what_the_builder_has_no_words_for,
    selects_structs,
    sets_columns_to_what_is_computed,
    sets_columns_of_one_row,
);

#[derive(FromRow, Debug, PartialEq)]
struct Stocked {
    name: String,
    #[db(rename = "stock")]
    pieces: i64,
    discount: Option<i32>,
}

async fn binds_in_the_place_of_marks_and_names(engine: Engine) {
    let db = shop(engine).await;
    let found =
        sql("SELECT name FROM products WHERE stock > ? AND name <> '?' -- ?\n AND sold < ? ORDER BY id");
    let names: Vec<String> = found.bind(3).bind(3).fetch(&db).await.unwrap();
    assert_eq!(names, ["bread", "Date"]);
    let named = sql("SELECT count(*) FROM products WHERE stock BETWEEN :low AND :high OR stock = :low");
    assert_eq!(named.bind_named("low", 0).bind_named("high", 7).fetch_one::<i64>(&db).await.unwrap(), 3);
    let hostile = "'; DROP TABLE products; --";
    let none = sql("SELECT name FROM products WHERE name = :name").bind_named("name", hostile.to_owned());
    assert_eq!(none.fetch_optional::<String>(&db).await.unwrap(), None);
    let fault = sql("SELECT :missing").bind_named("other", 1).rows(&db).await.unwrap_err();
    assert!(fault.report().contains("no value is bound to `:missing`"), "{}", fault.report());
    let changed =
        sql("UPDATE products SET stock = stock + ? WHERE name = ?").bind(5).bind("apple".to_owned());
    assert_eq!(changed.execute(&db).await.unwrap(), 1);
}

async fn reads_models_and_structs_by_the_names_of_columns(engine: Engine) {
    let db = shop(engine).await;
    let sellers: Vec<Seller> = sql("SELECT name, id FROM sellers ORDER BY id DESC").fetch(&db).await.unwrap();
    assert_eq!((sellers[0].name.as_str(), sellers[0].id, sellers.len()), ("Cid", 3, 3));
    let all = sql("SELECT p.*, 1 AS more FROM products p WHERE p.name = ?").bind("bread".to_owned());
    let bread: Product = all.fetch_one(&db).await.unwrap();
    assert_eq!(bread, Product::filter(|p| p.name.eq("bread")).one(&db).await.unwrap());
    let stocked: Vec<Stocked> = sql("SELECT discount, stock, name FROM products WHERE stock > 5 ORDER BY id")
        .fetch(&db)
        .await
        .unwrap();
    let expected = [("apple", 10, None), ("bread", 7, Some(10))];
    let expected = expected.map(|(name, pieces, discount)| Stocked { name: name.into(), pieces, discount });
    assert_eq!(stocked, expected);
    let fault = sql("SELECT name, stock FROM products").fetch::<Stocked>(&db).await.unwrap_err();
    assert!(fault.report().contains("no column `discount`; it returns name, stock"), "{}", fault.report());
    let fault = sql("SELECT id, NULL AS name FROM sellers").fetch::<Seller>(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

async fn reads_tuples_and_values_by_position(engine: Engine) {
    let db = shop(engine).await;
    let pairs: Vec<(String, Option<i32>)> =
        sql("SELECT name, discount FROM products ORDER BY id LIMIT 2").fetch(&db).await.unwrap();
    assert_eq!(pairs, [("apple".to_owned(), None), ("bread".to_owned(), Some(10))]);
    let none: Option<i64> =
        sql("SELECT id FROM products WHERE id < ?").bind(0).fetch_optional(&db).await.unwrap();
    assert_eq!(none, None);
    let missing = sql("SELECT id FROM products WHERE id < 0").fetch_one::<i64>(&db).await.unwrap_err();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

async fn runs_what_the_builder_has_no_words_for(engine: Engine) {
    let db = shop(engine).await;
    let ranked = "WITH ranked AS (SELECT p.*, row_number() OVER (PARTITION BY seller_id ORDER BY stock DESC) AS place \
                  FROM products p) SELECT * FROM ranked WHERE place = ? ORDER BY id";
    let best: Vec<Product> = sql(ranked).bind(1_i64).fetch(&db).await.unwrap();
    assert_eq!(best.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["apple", "Date"]);
    let both =
        "SELECT name FROM sellers WHERE name < ? UNION SELECT name FROM products WHERE stock = ? ORDER BY 1";
    let names: Vec<String> = sql(both).bind("B".to_owned()).bind(0_i64).fetch(&db).await.unwrap();
    assert_eq!(names, ["Ann", "cheese"]);
    if db.dialect() != Dialect::MySql {
        let new =
            sql("INSERT INTO sellers (name) VALUES (:name) RETURNING *").bind_named("name", "Dan".to_owned());
        let seller: Seller = new.writing().fetch_one(&db).await.unwrap();
        assert_eq!(seller, Seller::filter(|s| s.name.eq("Dan")).one(&db).await.unwrap());
    }
}

#[derive(FromRow, Debug, PartialEq)]
struct Summary {
    seller: String,
    products: i64,
    dearest: Option<Decimal>,
    note: Option<String>,
}

async fn selects_structs(engine: Engine) {
    let db = shop(engine).await;
    let summaries = Seller::query()
        .select(|s| SummaryColumns {
            seller: s.name.upper(),
            products: s.products.count(),
            dearest: s.products.aggregate(|p| p.price.max()),
            note: case(s.products.count().gt(0), "sells").otherwise("sells nothing"),
        })
        .order_by(|s| s.id.desc())
        .limit(2);
    let summary = |seller: &str, products, dearest, note: &str| Summary {
        seller: seller.into(),
        products,
        dearest,
        note: Some(note.into()),
    };
    let expected = [
        summary("CID", 0, None, "sells nothing"),
        summary("BOB", 2, Some(Decimal::new(123_456, 2)), "sells"),
    ];
    assert_eq!(summaries.all(&db).await.unwrap(), expected);
    let beside = Seller::query().order_by(|s| s.id).annotate(|s| (s.name, s.products.count()));
    assert_eq!(beside.first(&db).await.unwrap().unwrap().1, ("Ann".to_owned(), 3));
}

async fn sets_columns_to_what_is_computed(engine: Engine) {
    let db = shop(engine).await;
    let sold = Product::filter(|p| p.stock.gt(0)).update_with(
        |p| (p.stock.set(p.stock - 1), p.sold.set(p.sold + 1), p.discount.set(p.discount.coalesce(0) + 5)),
        &db,
    );
    assert_eq!(sold.await.unwrap(), 3);
    let read =
        Product::query().select(|p| (p.stock, p.sold, p.discount)).order_by(|p| p.id).all(&db).await.unwrap();
    assert_eq!(read[0], (9, 4, Some(5)));
    assert_eq!(read[1], (6, 3, Some(15)));
    assert_eq!(read[2], (0, 5, Some(50)));
    let priced = Product::filter(|p| p.seller.is(|s| s.name.eq("Bob")))
        .update_with(|p| (p.price.set(p.price * 2), p.note.set(p.name.concat("!")), p.weight.set(1.0)), &db);
    assert_eq!(priced.await.unwrap(), 2);
    let date = Product::filter(|p| p.name.eq("Date")).one(&db).await.unwrap();
    assert_eq!((date.price, date.note.as_deref(), date.weight), (Decimal::new(198, 2), Some("Date!"), 1.0));
    let moved = Product::query().update_with(
        |p| (p.stock.set(case(p.stock.lt(0), 0_i64).otherwise(p.stock)), p.maker.key().set(p.seller.key())),
        &db,
    );
    if matches!(db.dialect(), Dialect::MySql | Dialect::MariaDb) {
        moved.await.unwrap();
    } else {
        assert_eq!(moved.await.unwrap(), 5);
    }
    assert_eq!(Product::filter(|p| p.maker.key().eq(p.seller.key())).count(&db).await.unwrap(), 5);
    let key = Product::query().update_with(|p| p.id.set(p.id + 1), &db).await.unwrap_err();
    assert!(key.report().contains("part of the primary key"), "{}", key.report());
}

async fn sets_columns_of_one_row(engine: Engine) {
    let db = shop(engine).await;
    let mut bread = Product::filter(|p| p.name.eq("bread")).one(&db).await.unwrap();
    let dan = NewSeller { name: "Dan".into() }.insert(&db).await.unwrap();
    // Somebody else is quicker; what is computed starts from what is stored.
    Product::query().update(|p| p.stock(100), &db).await.unwrap();
    bread.update_with(|p| (p.stock.set(p.stock + 1), p.seller.set(&dan)), &db).await.unwrap();
    assert_eq!((bread.stock, bread.seller.key()), (101, dan.key()));
    assert_eq!(Product::filter(|p| p.stock.eq(100)).count(&db).await.unwrap(), 4);
}
