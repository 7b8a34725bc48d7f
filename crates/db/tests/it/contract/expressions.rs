//! What can be computed from columns, and asked of it.

use mainstay_core::StatusCode;
use mainstay_db::{Db, Predicate, Query, Settings, case, now, schema};
use rust_decimal::Decimal;

use super::{Engine, suite};
use crate::shop::{self, Product, Seller};

suite!(
    reckons_with_numbers,
    a_division_by_zero_is_null,
    works_on_texts,
    matches_patterns_as_they_are_written,
    takes_dates_apart,
    chooses_by_conditions,
    compares_null_as_a_value_where_asked,
    takes_ranges_as_rust_has_them,
    sorts_by_what_is_computed,
    reaches_through_relations,
    counts_related_rows,
    divides_exact_numbers_to_so_many_digits,
);

pub(super) async fn shop(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&shop::models(), &db).await.unwrap();
    shop::fill(&db).await;
    db
}

async fn names(query: Query<Product>, db: &Db) -> Vec<String> {
    query.order_by(|p| p.id).all(db).await.unwrap().into_iter().map(|product| product.name).collect()
}

/// The names of the products that are as the closure says.
macro_rules! found {
    ($db:expr, $condition:expr) => {
        names(Product::filter($condition), &$db).await
    };
}

async fn reckons_with_numbers(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| (p.stock + 1).eq(8)), ["bread"]);
    assert_eq!(found!(db, |p| (p.stock * 2 - 4).gt(p.stock + 2)), ["apple", "bread"]);
    assert_eq!(found!(db, |p| (p.sold % 2).eq(1) & (p.sold / 2).eq(1)), ["apple"]);
    assert_eq!(found!(db, |p| (-p.stock).gt(0)), ["élan"]);
    assert_eq!(found!(db, |p| p.stock.abs().eq(3)), ["élan"]);
    assert_eq!(found!(db, |p| (p.weight * 2.0).ge(5.5)), ["cheese", "élan"]);
    assert_eq!(found!(db, |p| (p.weight / 2.0).lt(0.2)), ["Date"]);
    assert_eq!(found!(db, |p| p.weight.round(1).eq(2.8)), ["cheese"]);
    assert_eq!(found!(db, |p| (p.discount + 1).gt(10)), ["bread", "cheese"]);
    assert_eq!(found!(db, |p| (p.discount.coalesce(7) + p.sold).eq(7)), ["Date"]);
    assert_eq!(found!(db, |p| (p.stock - (p.stock - 1)).ne(1)), Vec::<String>::new());
    assert_eq!(found!(db, |p| (p.price + p.price).eq(9)), ["apple"]);
    assert_eq!(found!(db, |p| (p.price * 2 - 1).lt(1)), ["Date"]);
    assert_eq!(found!(db, |p| (p.price * p.price).gt(Decimal::new(9_999, 2))), ["cheese", "élan"]);
    assert_eq!(found!(db, |p| (-p.price).abs().within(9..11)), ["cheese"]);
}

async fn a_division_by_zero_is_null(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| (p.sold / (p.sold * 1)).is_null()), ["Date"]);
    assert_eq!(found!(db, |p| (p.weight / (p.weight * 0.0)).is_not_null()), Vec::<String>::new());
    assert_eq!(found!(db, |p| (p.sold / (p.sold * 1)).coalesce(-1).eq(-1)), ["Date"]);
    let refused = Product::filter(|p| (p.sold / 0).eq(1)).count(&db).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

async fn works_on_texts(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| p.name.upper().eq("APPLE")), ["apple"]);
    assert_eq!(found!(db, |p| p.name.lower().eq("date")), ["Date"]);
    assert_eq!(found!(db, |p| p.name.length().eq(4)), ["Date", "élan"]);
    assert_eq!(found!(db, |p| p.note.trim().eq("Fresh")), ["bread"]);
    assert_eq!(found!(db, |p| p.note.length().gt(3)), ["bread"]);
    assert_eq!(found!(db, |p| p.name.concat("!").eq("bread!")), ["bread"]);
    assert_eq!(found!(db, |p| p.note.concat(p.name).eq("Oldcheese")), ["cheese"]);
    assert_eq!(found!(db, |p| p.note.concat("x").is_null()), ["apple", "Date"]);
    assert_eq!(found!(db, |p| p.note.coalesce("none").eq("none")), ["apple", "Date"]);
    assert_eq!(found!(db, |p| p.note.coalesce("none").contains("on")), ["apple", "Date"]);
    assert_eq!(found!(db, |p| p.note.or(p.name).eq("Date")), ["Date"]);
    assert_eq!(found!(db, |p| p.name.eq_ignoring_case("DATE")), ["Date"]);
    assert_eq!(found!(db, |p| p.name.ends_with_ignoring_case("TE")), ["Date"]);
    assert_eq!(found!(db, |p| p.name.eq(p.name.lower())), ["apple", "bread", "cheese", "élan"]);
}

async fn matches_patterns_as_they_are_written(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| p.name.like("_r%")), ["bread"]);
    assert_eq!(found!(db, |p| p.name.like("D%")), ["Date"]);
    assert_eq!(found!(db, |p| p.name.like("d%")), Vec::<String>::new());
    assert_eq!(found!(db, |p| p.name.like_ignoring_case("d%")), ["Date"]);
    for pattern in [r"\%", r"\_", "*", "?", "[a-z]*", r"\"] {
        assert_eq!(found!(db, |p| p.name.like(pattern)), Vec::<String>::new(), "{pattern}");
        assert_eq!(found!(db, |p| p.name.like_ignoring_case(pattern)), Vec::<String>::new(), "{pattern}");
    }
}

async fn takes_dates_apart(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| p.made_at.year().eq(2025)), ["cheese"]);
    assert_eq!(found!(db, |p| p.made_at.month().eq(2)), ["bread", "Date", "élan"]);
    assert_eq!(found!(db, |p| p.made_at.day().eq(31)), ["apple", "cheese"]);
    assert_eq!(found!(db, |p| p.made_at.hour().eq(23) & p.made_at.minute().eq(59)), ["apple"]);
    assert_eq!(found!(db, |p| p.made_at.second().ge(45)), ["apple", "cheese"]);
    assert_eq!(found!(db, |p| p.best_before.day().eq(15) & p.best_before.month().eq(3)), ["bread"]);
    let first = chrono::NaiveDate::from_ymd_opt(2026, 2, 1).unwrap();
    assert_eq!(found!(db, |p| p.made_at.date().eq(first)), ["bread", "Date"]);
    assert_eq!(found!(db, |p| p.made_at.start_of_month().eq(first)), ["bread", "Date"]);
    let march = chrono::NaiveDate::from_ymd_opt(2026, 3, 1);
    assert_eq!(found!(db, |p| p.best_before.start_of_month().eq(march)), ["bread"]);
    let year = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    assert_eq!(found!(db, |p| p.made_at.start_of_year().eq(year)), ["apple", "bread", "Date"]);
    assert_eq!(Product::filter(|p| p.made_at.lt(now())).count(&db).await.unwrap(), 5);
    assert_eq!(Product::filter(|p| p.made_at.gt(now())).count(&db).await.unwrap(), 0);
}

async fn chooses_by_conditions(engine: Engine) {
    let db = shop(engine).await;
    let level = |p: <Product as mainstay_db::Model>::Fields| {
        case(p.stock.gt(8), "much").when(p.stock.gt(0), "some").otherwise("none")
    };
    assert_eq!(found!(db, |p| level(p).eq("much")), ["apple"]);
    assert_eq!(found!(db, |p| level(p).eq("some")), ["bread", "Date"]);
    let lesser = |p: <Product as mainstay_db::Model>::Fields| case(p.sold.gt(2), p.sold).otherwise(2);
    assert_eq!(found!(db, |p| lesser(p).eq(2)), ["bread", "Date", "élan"]);
}

async fn compares_null_as_a_value_where_asked(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| p.discount.ne(10)), ["cheese", "élan"]);
    assert_eq!(found!(db, |p| p.discount.is_distinct_from(10)), ["apple", "cheese", "Date", "élan"]);
    assert_eq!(found!(db, |p| p.discount.is_not_distinct_from(None)), ["apple", "Date"]);
    assert_eq!(found!(db, |p| p.discount.is_not_distinct_from(p.discount)).len(), 5);
    assert_eq!(found!(db, |p| p.discount.eq(p.sold)), Vec::<String>::new());
    assert_eq!(found!(db, |p| p.sold.nullable().is_distinct_from(p.discount)).len(), 5);
}

async fn takes_ranges_as_rust_has_them(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| p.stock.within(4..10)), ["bread", "Date"]);
    assert_eq!(found!(db, |p| p.stock.within(4..=10)), ["apple", "bread", "Date"]);
    assert_eq!(found!(db, |p| p.stock.within(..0)), ["élan"]);
    assert_eq!(found!(db, |p| p.stock.within(8..)), ["apple"]);
    assert_eq!(found!(db, |p| p.discount.within(0..=10)), ["bread", "élan"]);
    assert_eq!(found!(db, |p| (p.stock + p.stock).between(8, 14)), ["bread", "Date"]);
    assert_eq!(found!(db, |_| Predicate::always()).len(), 5);
}

async fn sorts_by_what_is_computed(engine: Engine) {
    let db = shop(engine).await;
    let sorted = async |query: Query<Product>| -> Vec<String> {
        query.all(&db).await.unwrap().into_iter().map(|product| product.name).collect()
    };
    let by_sum = Product::query().order_by(|p| ((p.stock + 2).abs().desc(), p.name.asc()));
    assert_eq!(sorted(by_sum).await, ["apple", "bread", "Date", "cheese", "élan"]);
    let by_share = Product::query().order_by(|p| ((p.sold / (p.sold * 1)).asc().nulls_last(), p.id));
    assert_eq!(sorted(by_share).await, ["apple", "bread", "cheese", "élan", "Date"]);
    let by_share = Product::query().order_by(|p| ((p.sold / (p.sold * 1)).desc().nulls_first(), p.id));
    assert_eq!(sorted(by_share).await[0], "Date");
    let by_seller = Product::query().order_by(|p| (p.seller.to(|s| s.name).desc(), p.id));
    assert_eq!(sorted(by_seller).await, ["Date", "élan", "apple", "bread", "cheese"]);
    let by_maker =
        Product::query().order_by(|p| (p.maker.maybe(|s| s.name).asc().nulls_first(), p.id.desc()));
    assert_eq!(sorted(by_maker).await, ["élan", "Date", "bread", "apple", "cheese"]);
}

async fn reaches_through_relations(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(found!(db, |p| p.seller.to(|s| s.name.upper()).eq("BOB")), ["Date", "élan"]);
    assert_eq!(found!(db, |p| p.maker.maybe(|s| s.name).eq("Bob")), ["cheese"]);
    assert_eq!(found!(db, |p| p.maker.maybe(|s| s.name).is_null()).len(), 4);
    assert_eq!(found!(db, |p| p.seller.to(|s| s.id).lt(p.maker.maybe(|s| s.id).coalesce(0))), ["cheese"]);
    let fault = Product::filter(|p| p.maker.to(|s| s.name).eq("Bob")).count(&db).await.unwrap_err();
    assert!(fault.report().contains("write `.maker.maybe(..)`"), "{}", fault.report());
}

async fn counts_related_rows(engine: Engine) {
    let db = shop(engine).await;
    let sellers = async |query: Query<Seller>| -> Vec<String> {
        query.all(&db).await.unwrap().into_iter().map(|seller| seller.name).collect()
    };
    let many = Seller::filter(|s| s.products.count().gt(2));
    assert_eq!(sellers(many).await, ["Ann"]);
    let none = Seller::filter(|s| s.products.count().eq(0));
    assert_eq!(sellers(none).await, ["Cid"]);
    let some = Seller::filter(|s| s.products.count_where(|p| p.stock.gt(0)).eq(1));
    assert_eq!(sellers(some).await, ["Bob"]);
    let by_count = Seller::query().order_by(|s| (s.products.count().asc(), s.id));
    assert_eq!(sellers(by_count).await, ["Cid", "Bob", "Ann"]);
    let by_weight = Seller::filter(|s| s.products.aggregate(|p| p.weight.sum()).lt(5.0)).order_by(|s| s.id);
    assert_eq!(sellers(by_weight).await, ["Ann", "Cid"]);
    let heaviest = Seller::filter(|s| s.products.aggregate(|p| p.weight.max()).eq(10.0));
    assert_eq!(sellers(heaviest).await, ["Bob"]);
    let fault = Seller::filter(|s| s.products.aggregate(|p| p.weight).eq(1.0)).count(&db).await.unwrap_err();
    assert!(fault.report().contains("`Seller.products` leads to many rows"), "{}", fault.report());
}

async fn divides_exact_numbers_to_so_many_digits(engine: Engine) {
    let db = shop(engine).await;
    let exact = |text: &str| text.parse::<Decimal>().unwrap();
    let parts = |divisor: &str, digits| {
        let divisor = exact(divisor);
        Product::query().select(move |p| p.price.divided_by(divisor, digits)).order_by(|p| p.id).all(&db)
    };
    for (divisor, digits, expected) in [
        ("7", 4, ["0.6429", "0.3929", "1.4286", "0.1414", "176.3657"]),
        ("-2", 2, ["-2.25", "-1.38", "-5", "-0.5", "-617.28"]),
        ("0.3", 0, ["15", "9", "33", "3", "4115"]),
    ] {
        let found = parts(divisor, digits).await.unwrap();
        assert_eq!(found, expected.map(|quotient| Some(exact(quotient))), "{divisor}");
    }
    assert_eq!(parts("0", 2).await.unwrap(), [None; 5]);
    let by_column =
        Product::query().select(|p| p.price.divided_by(p.price - Decimal::ONE, 3)).order_by(|p| p.id);
    assert_eq!(by_column.first(&db).await.unwrap(), Some(Some(exact("1.286"))));
    let dear = Product::filter(|p| p.price.divided_by(Decimal::from(3), 1).gt(exact("1.5")));
    assert_eq!(dear.count(&db).await.unwrap(), 2);
    let rounded = Product::query().select(|p| p.price.round(1)).order_by(|p| p.id).all(&db).await.unwrap();
    assert_eq!(rounded, ["4.5", "2.8", "10", "1", "1234.6"].map(exact));
}
