//! Pages by cursor.

use mainstay_core::StatusCode;
use mainstay_db::{CursorPage, CursorRequest, Db, DbError, Query};

use super::expressions::shop;
use super::{Engine, suite};
use crate::shop::{NewProduct, Product, Seller};

suite!(
    walks_to_the_end_and_back,
    every_row_is_on_one_page_in_any_order,
    rows_that_come_and_go_move_no_others,
    refuses_a_cursor_of_another_list,
    reads_a_request_as_a_query_string_has_it,
);

/// The names on every page, going forward from the first one, then going back from the last one.
async fn walk(query: impl Fn() -> Query<Product>, size: u64, db: &Db) -> (Vec<String>, Vec<String>) {
    let names = |page: &CursorPage<Product>| page.items.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    let mut page = query().paginate_by_cursor(size, db).await.unwrap();
    assert_eq!(page.previous, None);
    let mut forward = names(&page);
    while let Some(next) = page.next {
        page = query().paginate_by_cursor(CursorRequest::after(next, size), db).await.unwrap();
        forward.extend(names(&page));
    }
    let mut backward = names(&page);
    while let Some(previous) = page.previous {
        page = query().paginate_by_cursor(CursorRequest::before(previous, size), db).await.unwrap();
        backward.splice(0..0, names(&page));
    }
    (forward, backward)
}

async fn walks_to_the_end_and_back(engine: Engine) {
    let db = shop(engine).await;
    let query = || Product::query().order_by(|p| p.stock.desc());
    for size in 1..=6 {
        let (forward, backward) = walk(query, size, &db).await;
        assert_eq!(forward, ["apple", "bread", "Date", "cheese", "élan"], "{size}");
        assert_eq!(backward, forward, "{size}");
    }
    let page = query().with(|p| p.seller).paginate_by_cursor(2, &db).await.unwrap();
    assert_eq!(page.items[0].seller.get().unwrap().name, "Ann");
    assert_eq!(page.cursors.len(), 2);
    let middle = CursorRequest::after(&*page.cursors[0], 1);
    assert_eq!(query().paginate_by_cursor(middle, &db).await.unwrap().items[0].name, "bread");
    let empty =
        Product::filter(|p| p.id.lt(0)).paginate_by_cursor(CursorRequest::default(), &db).await.unwrap();
    assert_eq!((empty.items.len(), empty.next, empty.previous), (0, None, None));
    let limited = query().limit(3).paginate_by_cursor(2, &db).await.unwrap_err();
    assert_eq!(limited.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

async fn every_row_is_on_one_page_in_any_order(engine: Engine) {
    let db = shop(engine).await;
    let seller = Seller::query().first(&db).await.unwrap().unwrap();
    for number in 0..12_i32 {
        let new = NewProduct {
            name: format!("more {number}"),
            stock: i64::from(number % 3),
            sold: number % 2,
            weight: f64::from(number) / 7.0,
            price: (number % 4).into(),
            seller: seller.key(),
            made_at: chrono::Utc::now(),
        };
        new.discount((number % 5 > 1).then_some(number % 5))
            .note((number % 2 > 0).then(|| "x".to_owned()))
            .insert(&db)
            .await
            .unwrap();
    }
    type Case = (&'static str, fn() -> Query<Product>);
    let orders: [Case; 9] = [
        ("key", || Product::query()),
        ("nulls", || Product::query().order_by(|p| p.discount)),
        ("nulls first", || Product::query().order_by(|p| (p.discount.asc().nulls_first(), p.stock.desc()))),
        ("nulls last", || Product::query().order_by(|p| (p.discount.desc().nulls_last(), p.note.asc()))),
        ("mixed", || Product::query().order_by(|p| (p.sold, p.stock.desc(), p.note.desc(), p.id.desc()))),
        ("exact", || Product::query().order_by(|p| (p.price.desc(), p.weight))),
        ("computed", || Product::query().order_by(|p| ((p.stock - 1).abs().desc(), p.discount.coalesce(3)))),
        ("related", || {
            Product::query().order_by(|p| (p.seller.to(|s| s.name).desc(), p.maker.maybe(|s| s.name)))
        }),
        ("times", || Product::query().order_by(|p| (p.best_before, p.made_at.desc()))),
    ];
    for (name, query) in orders {
        for size in [1, 3, 16, 17] {
            let (forward, backward) = walk(query, size, &db).await;
            let mut different = forward.clone();
            different.sort();
            different.dedup();
            assert_eq!((forward.len(), different.len()), (17, 17), "{name} by {size}: {forward:?}");
            assert_eq!(backward, forward, "{name} by {size}");
        }
    }
}

async fn rows_that_come_and_go_move_no_others(engine: Engine) {
    let db = shop(engine).await;
    let query = || Product::query().order_by(|p| p.stock.desc());
    let first = query().paginate_by_cursor(2, &db).await.unwrap();
    // The row of the cursor goes, and one comes before it.
    Product::filter(|p| p.name.eq("bread")).delete(&db).await.unwrap();
    Product::filter(|p| p.name.eq("élan")).update(|p| p.stock(50), &db).await.unwrap();
    let next = CursorRequest::after(first.next.unwrap(), 5);
    let second = query().paginate_by_cursor(next, &db).await.unwrap();
    let names: Vec<_> = second.items.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["Date", "cheese"]);
}

async fn refuses_a_cursor_of_another_list(engine: Engine) {
    let db = shop(engine).await;
    let good = Product::query().order_by(|p| p.name).paginate_by_cursor(1, &db).await.unwrap().next.unwrap();
    let ask = async |cursor: &str| {
        let request = CursorRequest::after(cursor, 2);
        Product::query().order_by(|p| p.stock).paginate_by_cursor(request, &db).await.unwrap_err()
    };
    let by_stock =
        Product::query().order_by(|p| p.stock).paginate_by_cursor(1, &db).await.unwrap().next.unwrap();
    let cut = &by_stock[..by_stock.len() - 4];
    for cursor in [good.as_str(), "", "x", "W10", "' OR 1 = 1 --", "bnVsbA", cut, &"A".repeat(100_000)] {
        let fault = ask(cursor).await;
        assert_eq!(
            (fault.status(), fault.machine_code()),
            (StatusCode::BAD_REQUEST, "invalid_cursor"),
            "{cursor}"
        );
        assert!(matches!(fault.source_as::<DbError>(), Some(DbError::InvalidCursor { .. })));
    }
    let both = CursorRequest { before: Some(by_stock.clone()), ..CursorRequest::after(by_stock, 1) };
    let fault = Product::query().order_by(|p| p.stock).paginate_by_cursor(both, &db).await.unwrap_err();
    assert_eq!(fault.machine_code(), "invalid_cursor");
}

async fn reads_a_request_as_a_query_string_has_it(engine: Engine) {
    let db = shop(engine).await;
    let request: CursorRequest = serde_json::from_str(r#"{"limit": 2}"#).unwrap();
    let page = Product::query().paginate_by_cursor(request, &db).await.unwrap();
    let json = serde_json::to_value(page.map(|product| product.name)).unwrap();
    assert_eq!(json["items"], serde_json::json!(["apple", "bread"]));
    assert!(json["next"].is_string() && json["previous"].is_null());
    let huge = Product::query().paginate_by_cursor(CursorRequest::first(u64::MAX), &db).await.unwrap();
    assert_eq!(huge.items.len(), 5);
}
