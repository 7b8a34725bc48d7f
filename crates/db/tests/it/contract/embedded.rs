//! Structs of columns in a model's own table: stored, asked and changed. `outside`: what others make of them: engines, JSON,
//! fixtures, factories, hooks, migrations.

mod outside;

use mainstay_db::meta::meta_of;
use mainstay_db::schema;
use mainstay_db::{
    BelongsTo, Db, DbEnum, DbError, Decimal, FromRow, HasMany, Model, ModelMeta, Settings, embedded, model,
    on_conflict, sql,
};

use super::{Engine, suite};

suite!(
    a_part_is_stored_and_read_with_its_row,
    conditions_and_orders_name_its_columns,
    it_is_selected_grouped_and_compared_as_a_whole,
    structs_of_results_have_parts,
    relations_lead_to_its_columns,
    a_change_writes_only_what_has_changed,
    a_part_is_set_as_a_whole_or_column_by_column,
    a_part_may_be_left_out,
    half_a_part_is_neither_stored_nor_read,
    parts_have_parts,
    many_rows_are_written_at_once,
    upserts_find_rows_by_its_columns,
);

/// How fast it has to be there.
#[derive(DbEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Speed {
    #[default]
    Slow,
    Fast,
}

/// A place on the earth.
#[embedded]
struct Point {
    #[field(min = -90, max = 90)]
    latitude: i32,
    longitude: i32,
    source: Option<String>,
}

/// Where something is.
#[embedded]
struct Address {
    #[field(min_length = 1, max_length = 100)]
    street: String,
    #[field(max_length = 60, searchable)]
    city: String,
    #[field(max_length = 2, check = "country <> 'XX' AND length(country) = 2", default = "DE")]
    country: String,
    #[field(column = "order", default)]
    speed: Speed,
    #[field(hidden)]
    note: Option<String>,
    #[embedded(prefix = "at_")]
    point: Option<Point>,
}

/// Somebody who buys.
#[model]
#[derive(PartialEq)]
#[unique(name, billing.city)]
#[index(shipping.country, shipping.point.latitude)]
struct Customer {
    id: i64,
    #[field(max_length = 40)]
    name: String,
    #[embedded]
    billing: Address,
    #[embedded(prefix = "ship_")]
    shipping: Option<Address>,
    #[field(default)]
    orders: i32,
    #[has_many]
    bills: HasMany<Bill>,
}

/// An amount of money.
#[embedded]
#[derive(Copy)]
struct Money {
    #[field(precision = 12, scale = 2, min = 0)]
    amount: Decimal,
    #[field(max_length = 3)]
    currency: Currency,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Currency {
    Eur,
    Usd,
}

/// What somebody owes: its columns have the names of the part's.
#[model]
#[derive(PartialEq)]
#[check(name = "bills_are_not_free", sql = "amount > 0", message = "A bill is of something.")]
struct Bill {
    id: i64,
    #[embedded(prefix = "")]
    total: Money,
    #[embedded]
    paid: Option<Money>,
    #[belongs_to(on_delete = cascade)]
    customer: BelongsTo<Customer>,
}

/// A table that has a part in it, and no check of it.
#[model(table = "spots")]
struct Loose {
    id: i64,
    ship_latitude: Option<i32>,
    ship_longitude: Option<i32>,
    ship_source: Option<String>,
}

#[model(table = "spots")]
struct Tight {
    id: i64,
    #[embedded(prefix = "ship_")]
    shipping: Option<Point>,
}

fn models() -> [&'static ModelMeta; 2] {
    [meta_of::<Customer>(), meta_of::<Bill>()]
}

async fn shop(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    assert_eq!(schema::unsupported(&models(), db.dialect()).len(), 0);
    schema::create_tables(&models(), &db).await.unwrap();
    db
}

fn address(street: &str, city: &str) -> Address {
    Address {
        street: street.into(),
        city: city.into(),
        country: "DE".into(),
        speed: Speed::Slow,
        note: None,
        point: None,
    }
}

fn point(latitude: i32, longitude: i32) -> Point {
    Point { latitude, longitude, source: None }
}

fn eur(amount: i64) -> Money {
    Money { amount: Decimal::new(amount, 0), currency: Currency::Eur }
}

async fn customer(db: &Db, name: &str, city: &str) -> Customer {
    NewCustomer { name: name.into(), billing: address("Main 1", city) }.insert(db).await.unwrap()
}

async fn a_part_is_stored_and_read_with_its_row(engine: Engine) {
    let db = shop(engine).await;
    let billing = Address { speed: Speed::Fast, note: Some("ring".into()), ..address("Main 1", "Bonn") };
    let shipping = Address { point: Some(point(50, 7)), ..address("Side 2", "Köln") };
    let new =
        NewCustomer { name: "ann".into(), billing: billing.clone() }.shipping(shipping.clone()).orders(3);
    let ann = new.insert(&db).await.unwrap();
    assert_eq!((&ann.billing, ann.shipping.as_ref(), ann.orders), (&billing, Some(&shipping), 3));
    let again = Customer::find(ann.id, &db).await.unwrap();
    assert_eq!(again, ann);
    let columns: Vec<_> = Customer::META.fields.iter().map(|field| (field.name, field.column)).collect();
    assert_eq!(
        columns[2..6],
        [
            ("billing.street", "billing_street"),
            ("billing.city", "billing_city"),
            ("billing.country", "billing_country"),
            ("billing.speed", "billing_order"),
        ]
    );
    assert_eq!(columns[columns.len() - 2], ("shipping.point.source", "ship_at_source"));
    assert_eq!(columns[columns.len() - 1], ("orders", "orders"));
    let row: Vec<(String, Option<String>)> =
        sql("SELECT billing_city, ship_at_source FROM customers").fetch(&db).await.unwrap();
    assert_eq!(row, [("Bonn".into(), None)]);
    assert!(!format!("{ann:?}").contains("ring"), "{ann:?}");
}

async fn conditions_and_orders_name_its_columns(engine: Engine) {
    let db = shop(engine).await;
    for (name, city) in [("ann", "Bonn"), ("bob", "Aachen"), ("eve", "Bonn")] {
        customer(&db, name, city).await;
    }
    let mut eve = Customer::filter(|c| c.name.eq("eve")).one(&db).await.unwrap();
    eve.update(|c| c.shipping(Address { point: Some(point(1, 2)), ..address("Hill", "Kiel") }), &db)
        .await
        .unwrap();

    let names = async |query: mainstay_db::Query<Customer>| {
        let rows = query.all(&db).await.unwrap();
        rows.into_iter().map(|customer| customer.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Customer::filter(|c| c.billing.city.starts_with("Bo")).order_by(|c| c.name)).await,
        ["ann", "eve"]
    );
    assert_eq!(names(Customer::filter(|c| c.billing.speed.eq(Speed::Fast))).await, [""; 0]);
    let by_city = Customer::query().order_by(|c| (c.billing.city.asc(), c.name.desc()));
    assert_eq!(names(by_city).await, ["bob", "eve", "ann"]);
    let by_shipping = Customer::query().order_by(|c| (c.shipping.city.asc().nulls_last(), c.name.asc()));
    assert_eq!(names(by_shipping).await, ["eve", "ann", "bob"]);
    // What may not be there is an `Option`.
    let cities: Vec<Option<String>> =
        Customer::query().order_by(|c| c.name).select(|c| c.shipping.city).all(&db).await.unwrap();
    assert_eq!(cities, [None, None, Some("Kiel".into())]);
    assert_eq!(names(Customer::filter(|c| c.shipping.point.latitude.lt(5))).await, ["eve"]);
    assert_eq!(names(Customer::filter(|c| c.shipping.point.is_not_null())).await, ["eve"]);
    // Text is bound, whatever is in it.
    assert_eq!(names(Customer::filter(|c| c.billing.city.eq("'; DROP TABLE customers --"))).await, [""; 0]);
}

async fn it_is_selected_grouped_and_compared_as_a_whole(engine: Engine) {
    let db = shop(engine).await;
    let ann = customer(&db, "ann", "Bonn").await;
    customer(&db, "bob", "Bonn").await;
    let mut eve = customer(&db, "eve", "Ulm").await;
    eve.update(|c| c.shipping(address("Hill", "Kiel")), &db).await.unwrap();

    let parts: Vec<(String, Address, Option<Address>)> = Customer::query()
        .order_by(|c| c.name)
        .select(|c| (c.name, c.billing, c.shipping))
        .all(&db)
        .await
        .unwrap();
    assert_eq!(parts[0], ("ann".into(), address("Main 1", "Bonn"), None));
    assert_eq!(parts[2], ("eve".into(), address("Main 1", "Ulm"), Some(address("Hill", "Kiel"))));
    let grouped = Customer::query().select(|c| (c.billing, c.id.count())).group_by(|c| c.billing);
    let mut grouped = grouped.all(&db).await.unwrap();
    grouped.sort_by_key(|(_, count)| *count);
    assert_eq!(grouped, [(address("Main 1", "Ulm"), 1), (address("Main 1", "Bonn"), 2)]);
    let pairs = Customer::filter(|c| c.id.eq(ann.id)).annotate(|c| c.billing).all(&db).await.unwrap();
    assert_eq!(pairs[0].0.billing, pairs[0].1);

    let like = |address: Address| Customer::filter(move |c| c.billing.eq(address)).count(&db);
    assert_eq!(like(address("Main 1", "Bonn")).await.unwrap(), 2);
    assert_eq!(like(address("Main 1", "Kiel")).await.unwrap(), 0);
    assert_eq!(like(Address { note: Some("x".into()), ..address("Main 1", "Bonn") }).await.unwrap(), 0);
    let shipped = Customer::filter(|c| c.shipping.eq(address("Hill", "Kiel"))).one(&db).await.unwrap();
    assert_eq!(shipped.name, "eve");
    assert_eq!(Customer::filter(|c| c.shipping.eq(None)).count(&db).await.unwrap(), 2);
}

/// What is asked of a customer.
#[derive(FromRow, Debug, PartialEq)]
struct Label {
    name: String,
    #[db(embedded, prefix = "billing_")]
    address: Address,
    #[db(embedded, prefix = "ship_")]
    shipping: Option<Address>,
    #[db(rename = "orders")]
    number: i32,
}

async fn structs_of_results_have_parts(engine: Engine) {
    let db = shop(engine).await;
    customer(&db, "ann", "Bonn").await;
    let new = NewCustomer { name: "bob".into(), billing: address("Main 1", "Ulm") };
    new.shipping(Address { point: Some(point(1, 2)), ..address("Hill", "Kiel") }).insert(&db).await.unwrap();
    let labels = Customer::query().order_by(|c| c.name).select(|c| LabelColumns {
        name: c.name,
        address: c.billing,
        shipping: c.shipping,
        number: c.orders,
    });
    let labels = labels.all(&db).await.unwrap();
    assert_eq!((&labels[0].address, &labels[0].shipping), (&address("Main 1", "Bonn"), &None));
    assert_eq!(labels[1].shipping.as_ref().unwrap().point, Some(point(1, 2)));
    // By name, wherever a column is.
    let by_hand = sql("SELECT orders, c.* FROM customers c ORDER BY name").fetch::<Label>(&db).await.unwrap();
    assert_eq!(by_hand, labels);
    let fault = sql("SELECT name, orders FROM customers").fetch::<Label>(&db).await.unwrap_err().report();
    assert!(fault.contains("returns no column `billing_street`"), "{fault}");
}

async fn relations_lead_to_its_columns(engine: Engine) {
    let db = shop(engine).await;
    let (ann, bob) = (customer(&db, "ann", "Bonn").await, customer(&db, "bob", "Ulm").await);
    for (customer, amount) in [(&ann, 5), (&bob, 7), (&bob, 9)] {
        NewBill { total: eur(amount), customer: customer.key() }.insert(&db).await.unwrap();
    }
    let bonn = Bill::filter(|b| b.customer.is(|c| c.billing.city.eq("Bonn"))).one(&db).await.unwrap();
    assert_eq!(bonn.total, eur(5));
    let cities = Bill::query().order_by(|b| b.total.amount).select(|b| b.customer.to(|c| c.billing.city));
    assert_eq!(cities.all(&db).await.unwrap(), ["Bonn", "Ulm", "Ulm"]);
    let mut rich = Customer::filter(|c| c.bills.any(|b| b.total.amount.gt(8))).with(|c| c.bills);
    rich = rich.order_by(|c| c.billing.city);
    let rich = rich.all(&db).await.unwrap();
    assert_eq!((rich.len(), rich[0].bills.get().unwrap().len()), (1, 2));
    let sums = Customer::query().order_by(|c| c.name).select(|c| c.bills.aggregate(|b| b.total.amount.sum()));
    assert_eq!(sums.all(&db).await.unwrap(), [Decimal::new(5, 0), Decimal::new(16, 0)]);
    let with = Bill::query().with(|b| b.customer).order_by(|b| b.id).first(&db).await.unwrap().unwrap();
    assert_eq!(with.customer.get().unwrap().billing, ann.billing);
}

async fn a_change_writes_only_what_has_changed(engine: Engine) {
    let db = shop(engine).await;
    let mut ann = customer(&db, "ann", "Bonn").await;
    // Somebody else moves her meanwhile.
    sql("UPDATE customers SET billing_street = 'Other 9'").execute(&db).await.unwrap();
    ann.edit(|c| c.billing.city = "Ulm".into(), &db).await.unwrap();
    assert_eq!((ann.billing.city.as_str(), ann.billing.street.as_str()), ("Ulm", "Other 9"));
    ann.edit(|c| c.orders = 4, &db).await.unwrap();
    assert_eq!(ann.orders, 4);
    ann.edit(|c| c.shipping = Some(address("Hill", "Kiel")), &db).await.unwrap();
    ann.edit(|c| c.shipping.as_mut().unwrap().point = Some(point(3, 4)), &db).await.unwrap();
    assert_eq!(ann.shipping.as_ref().unwrap().point, Some(point(3, 4)));
    ann.edit(|c| c.shipping = None, &db).await.unwrap();
    assert_eq!(Customer::find(ann.id, &db).await.unwrap(), ann);
    assert_eq!(ann.shipping, None);
    ann.billing.country = "FR".into();
    ann.save(&db).await.unwrap();
    assert_eq!(Customer::filter(|c| c.billing.country.eq("FR")).count(&db).await.unwrap(), 1);
}

async fn a_part_is_set_as_a_whole_or_column_by_column(engine: Engine) {
    let db = shop(engine).await;
    let mut ann = customer(&db, "ann", "Bonn").await;
    customer(&db, "bob", "Ulm").await;
    ann.update(|c| c.billing(address("New 1", "Kiel")).orders(2), &db).await.unwrap();
    assert_eq!((ann.billing.street.as_str(), ann.orders), ("New 1", 2));
    ann.update_with(|c| (c.billing.city.set("Bonn"), c.orders.set(c.orders + 1)), &db).await.unwrap();
    assert_eq!((ann.billing.city.as_str(), ann.billing.street.as_str(), ann.orders), ("Bonn", "New 1", 3));
    ann.update_with(|c| (c.billing.set(address("X", "Y")), c.shipping.set(address("V", "W"))), &db)
        .await
        .unwrap();
    assert_eq!((&ann.billing, &ann.shipping), (&address("X", "Y"), &Some(address("V", "W"))));
    ann.update_with(|c| c.billing.street.set(c.billing.city), &db).await.unwrap();
    assert_eq!(ann.billing.street, "Y");

    let set = Customer::filter(|c| c.shipping.is_not_null()).update_with(|c| c.shipping.city.set("All"), &db);
    assert_eq!(set.await.unwrap(), 1);
    assert_eq!(Customer::query().update(|c| c.billing(address("All", "All")), &db).await.unwrap(), 2);
    assert_eq!(Customer::query().update_with(|c| c.shipping.set(None), &db).await.unwrap(), 2);
    let all =
        Customer::filter(|c| c.shipping.is_null() & c.billing.street.eq("All")).count(&db).await.unwrap();
    assert_eq!(all, 2);
}

async fn a_part_may_be_left_out(engine: Engine) {
    let db = shop(engine).await;
    let mut ann = customer(&db, "ann", "Bonn").await;
    assert_eq!((&ann.shipping, &ann.billing.point), (&None, &None));
    let field = Customer::META.field("shipping.country").unwrap().1;
    assert!(field.nullable && !Customer::META.field("billing.country").unwrap().1.nullable);
    ann.update(|c| c.shipping(address("Hill", "Kiel")), &db).await.unwrap();
    assert_eq!(
        Customer::filter(|c| c.shipping.is_not_null() & c.shipping.point.is_null()).count(&db).await.unwrap(),
        1
    );
    ann.update(|c| c.shipping(None), &db).await.unwrap();
    assert_eq!(Customer::filter(|c| c.shipping.is_null()).count(&db).await.unwrap(), 1);
    let nulls = sql(
        "SELECT count(*) FROM customers WHERE ship_street IS NULL AND ship_order IS NULL AND ship_at_source IS NULL",
    );
    assert_eq!(nulls.fetch_one::<i64>(&db).await.unwrap(), 1);
}

async fn half_a_part_is_neither_stored_nor_read(engine: Engine) {
    let db = shop(engine).await;
    let mut ann = customer(&db, "ann", "Bonn").await;
    let half = ann.update_with(|c| c.shipping.city.set("Kiel"), &db).await.unwrap_err();
    let fault = half.source_as::<DbError>().unwrap();
    match fault {
        DbError::FailedCheck { model, field, constraint, message } => {
            assert_eq!((model.as_str(), field.as_str()), ("Customer", "shipping"));
            assert_eq!(constraint, "customers_shipping_whole");
            assert_eq!(message, "`shipping` must be there as a whole, or not at all.");
        }
        other => panic!("{other:?}"),
    }
    let half = ann.update_with(|c| c.billing.point.longitude.set(5), &db).await.unwrap_err();
    assert!(half.report().contains("`billing.point` must be there as a whole"), "{}", half.report());
    assert_eq!(Customer::find(ann.id, &db).await.unwrap(), ann);

    // A table that others have made has no such check.
    schema::create_tables(&[meta_of::<Loose>()], &db).await.unwrap();
    NewLoose {}.ship_latitude(7).insert(&db).await.unwrap();
    let fault = Tight::query().all(&db).await.unwrap_err();
    match fault.source_as::<DbError>() {
        Some(DbError::Decode { column, expected, found }) => {
            assert_eq!((column.as_str(), *expected), ("ship_longitude", "a 32-bit integer"));
            assert_eq!(found, "NULL, though other columns of the part `Point` have values");
        }
        other => panic!("{other:?}"),
    }
    let fault = Tight::query().select(|t| t.shipping).all(&db).await.unwrap_err().report();
    assert!(fault.contains("though other columns of the part `Point`"), "{fault}");
}

async fn parts_have_parts(engine: Engine) {
    let db = shop(engine).await;
    let mut ann = customer(&db, "ann", "Bonn").await;
    ann.edit(|c| c.billing.point = Some(point(1, 2)), &db).await.unwrap();
    ann.update_with(|c| c.billing.point.latitude.set(9), &db).await.unwrap();
    assert_eq!(ann.billing.point, Some(point(9, 2)));
    let found = Customer::filter(|c| c.billing.point.eq(point(9, 2))).select(|c| c.billing.point);
    assert_eq!(found.one(&db).await.unwrap(), Some(point(9, 2)));
    ann.update_with(|c| c.billing.point.set(None), &db).await.unwrap();
    assert_eq!(ann.billing.point, None);
    let part = &Customer::META.parts[1];
    assert_eq!(
        (part.name, part.optional, part.of.parts[0].name, part.of.parts[0].first),
        ("shipping", true, "point", 5)
    );
    assert!(Customer::META.field("shipping.city").unwrap().1.searchable);
    assert_eq!(Customer::META.field("shipping.note").unwrap().1.pointer(), "/shipping/note");
}

async fn many_rows_are_written_at_once(engine: Engine) {
    let db = shop(engine).await;
    let new = |number: i32| NewCustomer {
        name: format!("c{number}"),
        billing: Address { point: Some(point(number, number)), ..address("Main", "Bonn") },
    };
    let drafts = (0..5).map(|number| match number % 2 {
        0 => CustomerDraft::from(new(number)),
        _ => new(number).shipping(address("Hill", "Kiel")),
    });
    assert_eq!(Customer::insert_all(drafts, &db).await.unwrap(), 5);
    let mut stored = Customer::insert_all_returning([new(5), new(6)], &db).await.unwrap();
    assert_eq!(stored[1].billing.point, Some(point(6, 6)));
    for customer in &mut stored {
        customer.shipping = Some(address("Saved", "Ulm"));
    }
    assert_eq!(Customer::save_all(&stored, &db).await.unwrap(), 2);
    assert_eq!(Customer::filter(|c| c.shipping.is_not_null()).count(&db).await.unwrap(), 4);
    assert_eq!(Customer::filter(|c| c.shipping.street.eq("Saved")).count(&db).await.unwrap(), 2);
}

async fn upserts_find_rows_by_its_columns(engine: Engine) {
    let db = shop(engine).await;
    let ann = customer(&db, "ann", "Bonn").await;
    let moved = NewCustomer { name: "ann".into(), billing: address("Two 2", "Bonn") };
    let again = moved.upsert(|c| on_conflict((c.name, c.billing.city)).update(c.billing), &db).await.unwrap();
    assert_eq!((again.id, again.billing.street.as_str()), (ann.id, "Two 2"));
    let other = NewCustomer { name: "ann".into(), billing: address("Three 3", "Ulm") };
    let other =
        other.shipping(address("Hill", "Kiel")).upsert(|c| (c.name, c.billing.city), &db).await.unwrap();
    assert_ne!(other.id, ann.id);
    let same = NewCustomer { name: "ann".into(), billing: address("Four", "Bonn") };
    assert!(same.clone().insert_or_ignore(|c| (c.name, c.billing.city), &db).await.unwrap().is_none());
    Customer::upsert_all([same], |c| (c.name, c.billing.city), &db).await.unwrap();
    assert_eq!(Customer::find(ann.id, &db).await.unwrap().billing.street, "Four");
}
