//! Values instead of rows: projections, aggregates, groups; locks, and plans.

use mainstay_core::StatusCode;
use mainstay_db::{Db, FromRow, PageRequest, case, count, sql};
use rust_decimal::Decimal;

use super::expressions::shop;
use super::{Engine, suite};
use crate::shop::{Product, Seller};

suite!(
    selects_values_and_tuples,
    selects_values_of_related_rows,
    selects_each_result_once,
    asks_for_results_in_every_way,
    reckons_one_value_of_all_rows,
    sums_are_exact_or_an_error,
    groups_rows_and_picks_groups,
    refuses_a_value_that_no_group_has_one_of,
    a_query_can_be_a_list,
    puts_values_beside_rows,
    makes_one_list_of_many_values,
    selects_structs_within_structs,
    gives_pages_of_values,
    takes_the_last_row_and_says_when_there_is_no_first,
    locks_rows_in_a_transaction_only,
    explains_how_a_query_would_be_run,
);

async fn selects_values_and_tuples(engine: Engine) {
    let db = shop(engine).await;
    let names = Product::filter(|p| p.stock.gt(5)).select(|p| p.name).order_by(|p| p.name.desc());
    assert_eq!(names.all(&db).await.unwrap(), ["bread", "apple"]);
    let pairs =
        Product::query().order_by(|p| p.id).limit(2).select(|p| (p.name.upper(), p.stock + 1, p.discount));
    let expected = [("APPLE".to_owned(), 11, None), ("BREAD".to_owned(), 8, Some(10))];
    assert_eq!(pairs.all(&db).await.unwrap(), expected);
    let level = Product::query()
        .select(|p| (p.id, case(p.stock.gt(5), "much").otherwise("little")))
        .order_by(|p| p.id)
        .offset(1);
    assert_eq!(level.first(&db).await.unwrap(), Some((2, "much".to_owned())));
    let one = Product::filter(|p| p.name.eq("Date")).select(|p| (p.price, p.made_at.year()));
    assert_eq!(one.one(&db).await.unwrap(), (Decimal::new(99, 2), 2026));
    let none = Product::filter(|p| p.name.eq("x")).select(|p| p.id).one(&db).await.unwrap_err();
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
}

async fn selects_values_of_related_rows(engine: Engine) {
    let db = shop(engine).await;
    let log = db.record();
    let rows = Product::query()
        .select(|p| (p.name, p.seller.to(|s| s.name), p.maker.maybe(|s| s.name)))
        .order_by(|p| (p.seller.to(|s| s.name).desc(), p.id.desc()))
        .limit(3);
    let read = rows.all(&db).await.unwrap();
    let name = |name: &str| name.to_owned();
    assert_eq!(
        read,
        [
            (name("élan"), name("Bob"), None),
            (name("Date"), name("Bob"), None),
            (name("cheese"), name("Ann"), Some(name("Bob"))),
        ]
    );
    assert_eq!(log.count(), 1);
    let sql = &log.queries()[0].sql;
    assert_eq!(sql.matches("LEFT JOIN").count(), 2, "one join for each relation: {sql}");
    let without =
        Product::query().select(|p| p.maker.maybe(|s| s.name.concat("!").nullable().coalesce("none")));
    assert_eq!(
        without.order_by(|p| p.id).first(&db).await.unwrap(),
        Some(None),
        "there is no row to make it from"
    );
}

async fn selects_each_result_once(engine: Engine) {
    let db = shop(engine).await;
    let sellers = Product::query().select(|p| p.seller.to(|s| s.name)).distinct();
    let sorted = sellers.clone().order_by(|p| p.seller.to(|s| s.name).desc());
    assert_eq!(sorted.all(&db).await.unwrap(), ["Bob", "Ann"]);
    assert_eq!(sellers.count(&db).await.unwrap(), 2);
    let parity =
        Product::query().select(|p| p.sold % 2).distinct().order_by(|p| (p.sold % 2).desc().nulls_last());
    assert_eq!(parity.all(&db).await.unwrap(), [1, 0]);
}

async fn asks_for_results_in_every_way(engine: Engine) {
    let db = shop(engine).await;
    let names =
        |least: i64| Product::filter(move |p| p.stock.ge(least)).select(|p| p.name).order_by(|p| p.id);
    assert!(names(10).exists(&db).await.unwrap() && !names(11).exists(&db).await.unwrap());
    assert_eq!(names(4).first_or_404(&db).await.unwrap(), "apple");
    assert_eq!(names(11).first_or_404(&db).await.unwrap_err().status(), StatusCode::NOT_FOUND);
    let (mut streamed, mut read) = (names(4).stream(&db), Vec::new());
    while let Some(name) = streamed.try_next().await.unwrap() {
        read.push(name);
    }
    assert_eq!(read, ["apple", "bread", "Date"]);
    let sellers = Product::query().select(|p| p.seller.to(|s| s.name)).group_by(|p| p.seller.to(|s| s.name));
    assert!(sellers.clone().having(|p| p.id.count().gt(2)).exists(&db).await.unwrap());
    assert!(!sellers.having(|p| p.id.count().gt(3)).exists(&db).await.unwrap());
}

async fn reckons_one_value_of_all_rows(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(Product::query().sum(|p| p.stock, &db).await.unwrap(), 18);
    assert_eq!(Product::query().sum(|p| p.sold * 2, &db).await.unwrap(), 22);
    assert_eq!(Product::query().sum(|p| p.discount, &db).await.unwrap(), 60);
    assert_eq!(Product::query().sum(|p| p.weight, &db).await.unwrap(), 14.6);
    assert_eq!(Product::query().sum(|p| p.price, &db).await.unwrap(), Decimal::new(125_280, 2));
    assert_eq!(Product::query().avg(|p| p.discount, &db).await.unwrap(), Some(20.0));
    assert_eq!(Product::query().avg(|p| p.stock, &db).await.unwrap(), Some(3.6));
    assert_eq!(Product::query().min(|p| p.made_at.year(), &db).await.unwrap(), Some(2024));
    assert_eq!(Product::query().max(|p| p.price, &db).await.unwrap(), Some(Decimal::new(123_456, 2)));
    assert_eq!(Product::query().min(|p| p.price, &db).await.unwrap(), Some(Decimal::new(99, 2)));
    assert_eq!(
        Product::query().max(|p| p.best_before, &db).await.unwrap().unwrap().to_string(),
        "2026-03-15"
    );
    let nothing = || Product::filter(|p| p.id.lt(0));
    assert_eq!(nothing().sum(|p| p.stock, &db).await.unwrap(), 0);
    assert_eq!(nothing().sum(|p| p.price, &db).await.unwrap(), Decimal::ZERO);
    assert_eq!(nothing().sum(|p| p.weight, &db).await.unwrap(), 0.0);
    assert_eq!(nothing().avg(|p| p.stock, &db).await.unwrap(), None);
    assert_eq!(nothing().max(|p| p.name, &db).await.unwrap(), None);
    let counts = Product::query().select(|p| (count(), p.discount.count(), p.seller.key().count_distinct()));
    assert_eq!(counts.one(&db).await.unwrap(), (5, 3, 2));
}

async fn sums_are_exact_or_an_error(engine: Engine) {
    let db = shop(engine).await;
    let whole = i64::MAX - 7;
    Product::filter(|p| p.name.eq("apple")).update(|p| p.stock(whole), &db).await.unwrap();
    let two = || Product::filter(|p| p.name.is_in(["apple", "bread"]));
    assert_eq!(two().sum(|p| p.stock, &db).await.unwrap(), i64::MAX);
    Product::filter(|p| p.name.eq("bread")).update(|p| p.stock(8), &db).await.unwrap();
    two().sum(|p| p.stock, &db).await.unwrap_err();
    let tenth = Decimal::new(1, 1);
    Product::query().update(|p| p.price(tenth), &db).await.unwrap();
    assert_eq!(Product::query().sum(|p| p.price, &db).await.unwrap(), Decimal::new(5, 1));
}

async fn groups_rows_and_picks_groups(engine: Engine) {
    let db = shop(engine).await;
    let by_seller = Product::query()
        .select(|p| (p.seller.to(|s| s.name), p.id.count(), p.stock.sum(), p.price.max()))
        .group_by(|p| p.seller.to(|s| s.name))
        .order_by(|p| p.stock.sum().desc());
    let ann = ("Ann".to_owned(), 3, 17, Some(Decimal::new(1_000, 2)));
    let bob = ("Bob".to_owned(), 2, 1, Some(Decimal::new(123_456, 2)));
    assert_eq!(by_seller.clone().all(&db).await.unwrap(), [ann.clone(), bob.clone()]);
    assert_eq!(by_seller.clone().having(|p| p.id.count().lt(3)).all(&db).await.unwrap(), [bob]);
    assert_eq!(by_seller.clone().filter(|p| p.stock.gt(5)).count(&db).await.unwrap(), 1);
    assert_eq!(by_seller.having(|_| count().gt(2)).one(&db).await.unwrap(), ann);
    let by_month = Product::query()
        .select(|p| (p.made_at.start_of_month(), count()))
        .group_by(|p| p.made_at.start_of_month())
        .order_by(|p| (p.id.count().desc(), p.made_at.start_of_month()));
    let (month, number) = by_month.first(&db).await.unwrap().unwrap();
    assert_eq!((month.to_string().as_str(), number), ("2026-02-01", 2));
    // Values inside of what is grouped by do not make it another expression.
    let by_level = Product::query()
        .select(|p| (case(p.stock.gt(5), "much").otherwise("little"), p.discount.coalesce(-1) + 1, count()))
        .group_by(|p| (case(p.stock.gt(5), "much").otherwise("little"), p.discount.coalesce(-1) + 1))
        .order_by(|p| (p.discount.coalesce(-1) + 1).desc().nulls_last());
    let levels = by_level.all(&db).await.unwrap();
    assert_eq!(levels.len(), 5);
    assert_eq!(levels[0], ("little".to_owned(), 51, 1));
}

async fn refuses_a_value_that_no_group_has_one_of(engine: Engine) {
    let db = shop(engine).await;
    let stray = Product::query().select(|p| (p.name, p.stock.sum())).group_by(|p| p.seller.key());
    let fault = stray.all(&db).await.unwrap_err();
    assert!(fault.report().contains("add it to `group_by`"), "{}", fault.report());
    let by_key = Seller::query().select(|s| (s.name, s.id.count())).group_by(|s| (s.id, s.name));
    assert_eq!(by_key.all(&db).await.unwrap().len(), 3);
}

async fn a_query_can_be_a_list(engine: Engine) {
    let db = shop(engine).await;
    let bobs = || Seller::filter(|s| s.name.eq("Bob"));
    let names = async |query: mainstay_db::Query<Product>, db: &Db| {
        query.select(|p| p.name).order_by(|p| p.id).all(db).await.unwrap()
    };
    assert_eq!(names(Product::filter(|p| p.seller.is_in(bobs().keys())), &db).await, ["Date", "élan"]);
    let others = Product::filter(|p| p.seller.key().is_not_in(bobs().keys()));
    assert_eq!(names(others, &db).await, ["apple", "bread", "cheese"]);
    let limited = Product::query().order_by(|p| p.stock.desc()).limit(2).select(|p| p.name);
    assert_eq!(names(Product::filter(|p| p.name.is_in(limited)), &db).await, ["apple", "bread"]);
    let most = Product::query().select(|p| p.sold.max()).group_by(|p| p.seller.key());
    assert_eq!(names(Product::filter(|p| p.sold.nullable().is_in(most)), &db).await, ["cheese", "élan"]);
    let cheap = Product::filter(|p| p.price.lt(1)).select(|p| p.id);
    assert_eq!(Product::filter(|p| p.id.is_in(cheap)).delete(&db).await.unwrap(), 1);
    assert_eq!(Product::query().count(&db).await.unwrap(), 4);
}

async fn makes_one_list_of_many_values(engine: Engine) {
    let db = shop(engine).await;
    let log = db.record();
    let sellers = Seller::query().order_by(|s| s.id).select(|s| {
        (
            s.products.list(|p| p.name),
            s.products.list(|p| p.stock),
            s.products.list(|p| p.weight),
            s.products.list(|p| p.price),
            s.products.list(|p| p.discount),
            s.products.list(|p| p.made_at),
            s.products.list(|p| p.best_before),
            s.products.list(|p| case(p.stock.gt(0), true).otherwise(false)),
        )
    });
    let read = sellers.all(&db).await.unwrap();
    assert_eq!(log.count(), 1);
    for (seller, (names, stocks, weights, prices, discounts, times, days, in_stock)) in (1..).zip(read) {
        let products = Product::filter(|p| p.seller.key().eq(seller)).all(&db).await.unwrap();
        let all = |list: Vec<String>, of: &dyn Fn(&Product) -> String| {
            let mut wanted: Vec<_> = products.iter().map(of).collect();
            let mut found = list;
            wanted.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, wanted);
        };
        all(names, &|p| p.name.clone());
        all(stocks.iter().map(|it| format!("{it:?}")).collect(), &|p| format!("{:?}", p.stock));
        all(weights.iter().map(|it| format!("{it:?}")).collect(), &|p| format!("{:?}", p.weight));
        all(prices.iter().map(|it| it.normalize().to_string()).collect(), &|p| {
            p.price.normalize().to_string()
        });
        all(discounts.iter().map(|it| format!("{it:?}")).collect(), &|p| format!("{:?}", p.discount));
        all(times.iter().map(|it| format!("{it:?}")).collect(), &|p| format!("{:?}", p.made_at));
        all(days.iter().map(|it| format!("{it:?}")).collect(), &|p| format!("{:?}", p.best_before));
        all(in_stock.iter().map(|it| format!("{it:?}")).collect(), &|p| format!("{:?}", p.stock > 0));
    }
    let grouped = Product::query()
        .select(|p| (p.seller.to(|s| s.name), p.name.list()))
        .group_by(|p| p.seller.to(|s| s.name))
        .order_by(|p| p.seller.to(|s| s.name));
    let mut grouped = grouped.all(&db).await.unwrap();
    grouped.iter_mut().for_each(|(_, names)| names.sort_unstable());
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(grouped[0], ("Ann".to_owned(), names(&["apple", "bread", "cheese"])));
    assert_eq!(grouped[1], ("Bob".to_owned(), names(&["Date", "\u{e9}lan"])));
    let hostile = "quo\"te, \\ ', \n \u{1} \u{1F600}]";
    Product::filter(|p| p.name.eq("Date")).update(|p| p.name(hostile), &db).await.unwrap();
    let lists = Seller::query().order_by(|s| s.id).select(|s| s.products.list(|p| p.name));
    let lists = lists.all(&db).await.unwrap();
    assert!(lists[1].iter().any(|name| name == hostile), "{:?}", lists[1]);
}

#[derive(Debug, PartialEq, FromRow)]
struct Offer {
    product: String,
    #[db(flatten)]
    seller: Shop,
    price: Decimal,
}

#[derive(Debug, PartialEq, FromRow)]
struct Shop {
    name: String,
    offers: i64,
}

#[derive(Debug, FromRow)]
struct Twice {
    #[expect(dead_code, reason = "it is not read")]
    name: String,
    #[db(flatten)]
    #[expect(dead_code, reason = "it is not read")]
    shop: OnlyName,
}

#[derive(Debug, FromRow)]
struct OnlyName {
    #[expect(dead_code, reason = "it is not read")]
    name: String,
}

async fn selects_structs_within_structs(engine: Engine) {
    let db = shop(engine).await;
    let log = db.record();
    let offers = Product::query().order_by(|p| p.id).select(|p| OfferColumns {
        product: p.name,
        seller: p.seller.select(|s| ShopColumns { name: s.name, offers: s.products.count() }),
        price: p.price,
    });
    let offers = offers.all(&db).await.unwrap();
    assert_eq!((log.count(), offers.len()), (1, 5));
    let seller = Shop { name: "Ann".to_owned(), offers: 3 };
    assert_eq!(offers[0], Offer { product: "apple".to_owned(), seller, price: Decimal::new(450, 2) });
    let joins = log.queries()[0].sql.matches("JOIN").count();
    assert_eq!(joins, 1, "one join for the related row: {}", log.queries()[0].sql);

    let by_hand = "SELECT 7 AS offers, 'Zoe' AS name, 'pear' AS product, price FROM products ORDER BY id";
    let read: Vec<Offer> = sql(by_hand).fetch(&db).await.unwrap();
    let seller = Shop { name: "Zoe".to_owned(), offers: 7 };
    assert_eq!(read[0], Offer { product: "pear".to_owned(), seller, price: Decimal::new(450, 2) });

    let twice = sql("SELECT 'a' AS name, 'b' AS other").fetch::<Twice>(&db).await.unwrap_err().report();
    assert!(twice.contains("two fields are read from one column `name`"), "{twice}");

    let refused = Product::query().select(|p| p.maker.select(|s| s.name)).all(&db).await.unwrap_err();
    assert!(
        refused.report().to_string().contains("`.maker.maybe(..)` for each value"),
        "{}",
        refused.report()
    );
}

async fn gives_pages_of_values(engine: Engine) {
    let db = shop(engine).await;
    let names = || Product::query().select(|p| p.name).order_by(|p| p.id);
    let page = names().paginate(PageRequest::number(2, 2), &db).await.unwrap();
    assert_eq!((page.items, page.total, page.pages), (vec!["cheese".to_owned(), "Date".to_owned()], 5, 3));
    let log = db.record();
    let last = names().paginate(PageRequest::number(3, 2), &db).await.unwrap();
    assert_eq!(
        (last.items.len(), last.total, log.count()),
        (1, 5, 1),
        "a page that is not full says how many"
    );
    let beyond = names().paginate(PageRequest::number(9, 2), &db).await.unwrap();
    assert_eq!((beyond.items.len(), beyond.total), (0, 5));
    let sellers = Product::query().select(|p| p.seller.to(|s| s.name)).distinct();
    let page = sellers.order_by(|p| p.seller.to(|s| s.name)).paginate(PageRequest::number(1, 1), &db).await;
    let page = page.unwrap();
    assert_eq!((page.items, page.total), (vec!["Ann".to_owned()], 2));
    let one = Product::query().select(|p| case(p.id.count().gt(3), true).otherwise(false));
    let one = one.paginate(PageRequest::number(1, 1), &db).await.unwrap();
    assert_eq!((one.items, one.total), (vec![true], 1));
    let grouped = Product::query().select(|p| (p.discount, count())).group_by(|p| p.discount);
    assert_eq!(grouped.paginate(PageRequest::number(1, 1), &db).await.unwrap().total, 4);
}

async fn puts_values_beside_rows(engine: Engine) {
    let db = shop(engine).await;
    let sellers = Seller::query()
        .with(|s| s.products)
        .annotate(|s| (s.products.count(), s.products.aggregate(|p| p.made_at.max())))
        .all(&db)
        .await
        .unwrap();
    for (seller, (number, latest)) in &sellers {
        assert_eq!(seller.products.get().unwrap().len() as i64, *number);
        assert_eq!(latest.is_some(), *number > 0);
    }
    let joined =
        Product::query().with(|p| p.seller).order_by(|p| p.id).annotate(|p| p.seller.to(|s| s.name.lower()));
    let (product, name) = joined.first(&db).await.unwrap().unwrap();
    assert_eq!((product.seller.get().unwrap().name.as_str(), name.as_str()), ("Ann", "ann"));

    let numbered = || Seller::query().order_by(|s| s.id).annotate(|s| s.products.count());
    let page = numbered().paginate(PageRequest::number(2, 1), &db).await.unwrap();
    assert_eq!((page.total, page.pages), (sellers.len() as u64, sellers.len() as u64));
    assert_eq!(
        page.items[0].1,
        Product::filter(|p| p.seller.eq(&page.items[0].0)).count(&db).await.unwrap() as i64
    );
    assert_eq!(numbered().first_or_404(&db).await.unwrap().0.name, "Ann");
    let none = Seller::filter(|s| s.id.lt(0)).annotate(|s| s.products.count()).first_or_404(&db).await;
    assert_eq!(none.unwrap_err().message(), "There is no such seller.");
}

async fn takes_the_last_row_and_says_when_there_is_no_first(engine: Engine) {
    let db = shop(engine).await;
    assert_eq!(Product::query().last(&db).await.unwrap().unwrap().name, "élan");
    let by_stock = || Product::query().order_by(|p| (p.discount.asc().nulls_first(), p.id));
    assert_eq!(by_stock().first(&db).await.unwrap().unwrap().name, "apple");
    assert_eq!(by_stock().last(&db).await.unwrap().unwrap().name, "cheese");
    assert!(Product::filter(|p| p.id.lt(0)).last(&db).await.unwrap().is_none());
    assert_eq!(by_stock().first_or_404(&db).await.unwrap().name, "apple");
    let none = Product::filter(|p| p.id.lt(0)).first_or_404(&db).await.unwrap_err();
    assert_eq!((none.status(), none.message()), (StatusCode::NOT_FOUND, "There is no such product."));
}

async fn locks_rows_in_a_transaction_only(engine: Engine) {
    let db = shop(engine).await;
    let outside = Product::query().for_update().all(&db).await.unwrap_err();
    assert!(outside.report().contains("pass the `tx` of one"), "{}", outside.report());
    let read = db.transaction(async |tx| {
        let mut locked = Product::filter(|p| p.stock.gt(0))
            .with(|p| p.maker)
            .order_by(|p| (p.seller.to(|s| s.name), p.id))
            .for_update()
            .skip_locked()
            .all(tx)
            .await?;
        Product::query().for_share().all(tx).await?;
        Product::query().no_wait().limit(1).all(tx).await?;
        locked[0].update(|p| p.stock(99), tx).await?;
        Ok(locked.len())
    });
    assert_eq!(read.await.unwrap(), 3);
    assert_eq!(Product::query().max(|p| p.stock, &db).await.unwrap(), Some(99));
}

async fn explains_how_a_query_would_be_run(engine: Engine) {
    let db = shop(engine).await;
    let plan =
        Product::filter(|p| p.id.eq(1) & p.seller.is(|s| s.name.eq("Ann"))).explain(&db).await.unwrap();
    assert!(plan.contains("products") || plan.contains("t0"), "{plan}");
    let plan = Product::query().select(|p| p.stock.sum()).explain(&db).await.unwrap();
    assert!(!plan.is_empty());
}
