//! What is made of parts outside of their model: by engines, in JSON, fixtures, factories, hooks and migrations.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use mainstay_core::Result;
use mainstay_db::factory::{Factory, Make};
use mainstay_db::meta::meta_of;
use mainstay_db::schema::{self, Schema};
use mainstay_db::transfer::{self, Chosen, Source};
use mainstay_db::{
    BelongsTo, Db, DbError, Decimal, Executor, Hooks, Json, Model, Saving, Settings, Tx, embedded, model,
};
use serde_json::json;

use super::super::migrations::walk;
use super::super::{Engine, suite};
use super::{
    Address, Bill, Customer, CustomerDraft, NewBill, NewCustomer, Point, address, customer, eur, models,
    point, shop,
};

suite!(
    names_may_be_words_of_sql_and_values_of_any_type,
    faults_name_its_fields,
    json_is_nested,
    dumps_and_fixtures_are_nested,
    rows_are_named_by_what_their_parts_hold,
    factories_and_hooks_see_it,
    migrations_see_columns,
);

/// Columns whose names are words of SQL, in whatever engine.
#[embedded]
struct Rank {
    #[field(check = "order > 0 AND order < 9")]
    order: i32,
    #[field(column = "Group", check = "Group <> order")]
    group: i32,
    current_date: Option<NaiveDate>,
    labels: Json<Vec<String>>,
    at: Option<DateTime<Utc>>,
    #[field(precision = 9, scale = 3)]
    weight: Decimal,
}

#[model]
#[derive(PartialEq)]
struct Ranked {
    id: i64,
    #[embedded(prefix = "")]
    #[field(hidden, read_only, searchable)]
    rank: Option<Rank>,
}

/// Known by what is in a part.
#[embedded]
struct Contact {
    #[field(unique, max_length = 40)]
    email: String,
    phone: Option<String>,
}

#[model]
struct Seller {
    id: i64,
    #[embedded]
    contact: Contact,
}

#[model]
struct Offer {
    id: i64,
    #[belongs_to]
    seller: BelongsTo<Seller>,
}

/// With hooks and a version behind a part.
#[model(hooks)]
struct Parcel {
    id: i64,
    #[embedded]
    to: Point,
    #[field(default)]
    far: bool,
    #[field(version)]
    version: i32,
}

impl Hooks for Parcel {
    async fn before_save(row: &mut Saving<'_, Self>, _: &Tx) -> Result<()> {
        if let Some(latitude) = row.get(|p| p.to.latitude)? {
            row.change(|p| p.far(latitude > 60));
        }
        Ok(())
    }
}

async fn names_may_be_words_of_sql_and_values_of_any_type(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Ranked>()], &db).await.unwrap();
    let rank = Rank {
        order: 1,
        group: 2,
        current_date: None,
        labels: Json(vec!["it's `quoted`".into()]),
        at: DateTime::from_timestamp_micros(1_000_001),
        weight: Decimal::new(1_500, 3),
    };
    let none = NewRanked {}.insert(&db).await.unwrap();
    let mut some = NewRanked {}.rank(rank.clone()).insert(&db).await.unwrap();
    assert_eq!((&none.rank, &some.rank), (&None, &Some(rank)));
    some.edit(|r| r.rank.as_mut().unwrap().current_date = NaiveDate::from_ymd_opt(2026, 1, 2), &db)
        .await
        .unwrap();
    let found = Ranked::filter(|r| {
        r.rank.at.is_not_null() & r.rank.labels.path("").index(0).text().contains("`quoted`")
    });
    assert_eq!(found.order_by(|r| r.rank.order).all(&db).await.unwrap(), [some.clone()]);
    for (order, group) in [(0, 1), (9, 1), (3, 3)] {
        let wrong = some.edit(
            |r| {
                let rank = r.rank.as_mut().unwrap();
                (rank.order, rank.group) = (order, group)
            },
            &db,
        );
        let fault = wrong.await.unwrap_err();
        let expected = if order == 3 { "rank.group" } else { "rank.order" };
        assert!(
            matches!(fault.source_as(), Some(DbError::FailedCheck { field, .. }) if field == expected),
            "{fault:?}"
        );
    }
    let half = some.update_with(|r| r.rank.order.set(None), &db).await.unwrap_err();
    assert!(half.report().contains("`rank` must be there as a whole"), "{}", half.report());
    assert_eq!(serde_json::to_value(&some).unwrap(), json!({ "id": some.id }));
    assert_eq!(format!("{some:?}"), format!("Ranked {{ id: {} }}", some.id));
    let fields = Ranked::META.fields[1..].iter();
    assert!(
        fields.into_iter().all(|field| field.hidden && field.read_only && field.searchable && field.nullable)
    );
    assert_eq!(
        schema::differences(&Schema::of_models(&[meta_of::<Ranked>()]), db.target()).await.unwrap(),
        Vec::<String>::new()
    );
}

async fn faults_name_its_fields(engine: Engine) {
    let db = shop(engine).await;
    customer(&db, "ann", "Bonn").await;
    let wrong = Address { country: "DEU".into(), point: Some(point(91, 0)), ..address("", "Bonn") };
    let fault = NewCustomer { name: "bob".into(), billing: wrong.clone() }
        .shipping(wrong)
        .insert(&db)
        .await
        .unwrap_err();
    let pointers: Vec<_> =
        fault.faults().iter().map(|fault| (fault.pointer.as_str(), &*fault.code)).collect();
    assert_eq!(
        pointers,
        [
            ("/billing/street", "too_short"),
            ("/billing/country", "too_long"),
            ("/billing/point/latitude", "too_large"),
            ("/shipping/street", "too_short"),
            ("/shipping/country", "too_long"),
            ("/shipping/point/latitude", "too_large"),
        ]
    );
    let check = Address { country: "XX".into(), ..address("Main", "Bonn") };
    let fault = NewCustomer { name: "bob".into(), billing: check.clone() }.insert(&db).await.unwrap_err();
    match fault.source_as::<DbError>() {
        Some(DbError::FailedCheck { field, constraint, .. }) => {
            assert_eq!(
                (field.as_str(), constraint.as_str()),
                ("billing.country", "customers_billing_country_check")
            );
        }
        other => panic!("{other:?}"),
    }
    let good = NewCustomer { name: "bob".into(), billing: address("Main", "Bonn") };
    let fault = good.shipping(check).insert(&db).await.unwrap_err();
    assert!(fault.report().contains("shipping.country"), "{}", fault.report());
    let fault =
        NewCustomer { name: "ann".into(), billing: address("Main", "Bonn") }.insert(&db).await.unwrap_err();
    match fault.source_as::<DbError>() {
        Some(DbError::UniqueViolation { model, fields }) => {
            assert_eq!(
                (model.as_str(), fields.as_slice()),
                ("Customer", &["name".into(), "billing.city".into()][..])
            );
        }
        other => panic!("{other:?}"),
    }
    let ann = Customer::filter(|c| c.name.eq("ann")).one(&db).await.unwrap();
    let free = NewBill { total: eur(0), customer: ann.key() }.insert(&db).await.unwrap_err();
    assert!(free.report().contains("A bill is of something."), "{}", free.report());
    let less = NewBill { total: eur(-1), customer: ann.key() }.insert(&db).await.unwrap_err();
    assert_eq!(less.faults()[0].pointer, "/total/amount");
}

async fn json_is_nested(engine: Engine) {
    let db = shop(engine).await;
    let billing =
        Address { note: Some("secret".into()), point: Some(point(1, 2)), ..address("Main", "Bonn") };
    let ann = NewCustomer { name: "ann".into(), billing: billing.clone() }.insert(&db).await.unwrap();
    let expected = json!({
        "id": ann.id, "name": "ann", "shipping": null, "orders": 0,
        "billing": {
            "street": "Main", "city": "Bonn", "country": "DE", "speed": "slow",
            "point": { "latitude": 1, "longitude": 2, "source": null },
        },
    });
    assert_eq!(serde_json::to_value(&ann).unwrap(), expected);
    let read: Address = serde_json::from_value(json!({
        "street": "Main", "city": "Bonn", "note": "secret", "point": { "latitude": 1, "longitude": 2 },
    }))
    .unwrap();
    assert_eq!(read, billing);
    let fault = serde_json::from_value::<Address>(json!({ "street": "Main" })).unwrap_err();
    assert_eq!(fault.to_string(), "missing field `city`");
}

async fn load(db: &Db, fields: &str) -> Result<u64> {
    let line = format!(r#"{{"model":"Customer","fields":{{{fields}}}}}"#);
    transfer::load(&models(), db, [Source::text("shop", line)]).await
}

async fn dumps_and_fixtures_are_nested(engine: Engine) {
    let db = shop(engine).await;
    let billing = Address { note: Some("kept".into()), point: Some(point(1, 2)), ..address("Main", "Bonn") };
    let ann = NewCustomer { name: "ann".into(), billing }.insert(&db).await.unwrap();
    let bill = NewBill { total: eur(5), customer: ann.key() }.paid(eur(2)).insert(&db).await.unwrap();
    let snapshot = transfer::snapshot(&db).await.unwrap();
    let dump: Vec<String> = transfer::dump(&Chosen::all(&models()), &snapshot).try_collect().await.unwrap();
    let dump = dump.concat();
    snapshot.commit().await.unwrap();
    let fields = format!(
        concat!(
            r#"{{"id":{},"name":"ann","billing":{{"street":"Main","city":"Bonn","country":"DE","speed":"slow","note":"kept","#,
            r#""point":{{"latitude":1,"longitude":2,"source":null}}}},"shipping":null,"orders":0}}"#
        ),
        ann.id
    );
    assert!(dump.contains(&fields), "{dump}");
    assert!(
        dump.contains(r#""total":{"amount":"5.00","currency":"eur"},"paid":{"amount":"2.00","#),
        "{dump}"
    );

    let other = shop(engine).await;
    assert_eq!(transfer::load(&models(), &other, [Source::text("dump", dump.clone())]).await.unwrap(), 2);
    assert_eq!(Customer::find(ann.id, &other).await.unwrap(), ann);
    assert_eq!(Bill::find(bill.id, &other).await.unwrap(), bill);

    // A fixture leaves out what is filled in, also in a part that may be left out.
    let given =
        r#""name":"bob","billing":{"street":"Main","city":"Ulm"},"shipping":{"street":"Hill","city":"Kiel"}"#;
    assert_eq!(load(&other, given).await.unwrap(), 1);
    let bob = Customer::filter(|c| c.name.eq("bob")).one(&other).await.unwrap();
    assert_eq!((bob.billing, bob.shipping), (address("Main", "Ulm"), Some(address("Hill", "Kiel"))));
    let changed = r#"{"model":"Customer","fields":{"name":"bob","billing":{"city":"Ulm","street":"Side"},"shipping":null}}"#;
    transfer::load_or_update(&models(), &other, [Source::text("shop", changed)]).await.unwrap();
    let bob = Customer::filter(|c| c.name.eq("bob")).one(&other).await.unwrap();
    assert_eq!((bob.billing, bob.shipping), (address("Side", "Ulm"), None));

    let wrong = [
        (r#""name":"eve","billing":5"#, "`Customer.billing` must be an object of its fields"),
        (r#""name":"eve","billing":null"#, "`Customer.billing` must be an object of its fields"),
        (
            r#""name":"eve","billing":{"town":"Bonn"}"#,
            "`Customer.billing` has no field `town`; it has: street, city, country, speed, note, point",
        ),
        (r#""name":"eve","billing":{"city":7}"#, "`Customer.billing` has a `city` that must be a text"),
        (r#""name":"eve","billing":{"street":"Main"}"#, "Customer.billing.city must have a value"),
        (r#""name":"eve","shipping":{"street":"Main"}"#, "`Customer.shipping` must have a value for `city`"),
        (
            r#""name":"eve","billing":{"street":"Main","city":"Ulm","point":{"latitude":1}}"#,
            "`Customer.billing.point` must have a value for `longitude`",
        ),
        (
            r#""name":"eve","billing":{"street":"Main","city":"Ulm","country":"DEU"}"#,
            "`Customer.billing.country` must have at most 2 characters",
        ),
    ];
    for (given, expected) in wrong {
        let fault = load(&other, given).await.unwrap_err();
        assert!(fault.message().contains(expected), "{}\n{expected}", fault.message());
    }
}

async fn rows_are_named_by_what_their_parts_hold(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let models = [meta_of::<Seller>(), meta_of::<Offer>()];
    schema::create_tables(&models, &db).await.unwrap();
    let fixture = concat!(
        r#"{"model":"Seller","fields":{"contact":{"email":"ann@x.org"}}}"#,
        "\n",
        r#"{"model":"Offer","fields":{"seller":{"contact":{"email":"ann@x.org"}}}}"#,
    );
    transfer::load(&models, &db, [Source::text("shop", fixture)]).await.unwrap();
    let offer = Offer::query().with(|o| o.seller).one(&db).await.unwrap();
    assert_eq!(offer.seller.get().unwrap().contact.email, "ann@x.org");
    let snapshot = transfer::snapshot(&db).await.unwrap();
    let natural = transfer::dump(&Chosen::all(&models).natural(), &snapshot);
    let dump: Vec<String> = natural.try_collect().await.unwrap();
    assert!(dump.concat().contains(r#""seller":{"contact":{"email":"ann@x.org"}}}"#), "{dump:?}");
}

struct CustomerFactory;

impl Factory for CustomerFactory {
    type Model = Customer;

    async fn define(&self, make: &mut Make<'_, Customer>) -> Result<CustomerDraft> {
        let name = format!("customer-{}", make.number());
        Ok(NewCustomer { name, billing: address("Main", "Bonn") }.into())
    }
}

async fn factories_and_hooks_see_it(engine: Engine) {
    let db = shop(engine).await;
    schema::create_tables(&[meta_of::<Parcel>()], &db).await.unwrap();
    let made = CustomerFactory.with(|c| c.shipping(address("Hill", "Kiel"))).create(&db).await.unwrap();
    assert_eq!((made.billing.city.as_str(), made.shipping), ("Bonn", Some(address("Hill", "Kiel"))));

    let mut parcel = NewParcel { to: point(70, 1) }.insert(&db).await.unwrap();
    assert_eq!((parcel.far, parcel.version), (true, 1));
    parcel.update(|p| p.to(point(10, 1)), &db).await.unwrap();
    assert_eq!((parcel.far, parcel.version), (false, 2));
    parcel.update_with(|p| p.to.latitude.set(61), &db).await.unwrap();
    assert_eq!((parcel.far, parcel.version), (true, 3));
}

async fn migrations_see_columns(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let now = Schema::of_models(&[meta_of::<Customer>()]);
    let mut without = now.clone();
    for table in &mut without.tables {
        table.columns.retain(|column| !column.name.starts_with("ship_"));
        table.indexes.retain(|index| index.columns[0] != "ship_country");
        table.checks.retain(|check| !check.name.contains("shipping"));
    }
    walk(&db, &[without.clone(), now.clone(), without, now]).await;

    let db = shop(engine).await;
    assert_eq!(
        schema::differences(&Schema::of_models(&models()), db.target()).await.unwrap(),
        Vec::<String>::new()
    );
    let live = schema::live(db.target()).await.unwrap();
    let table = live.table("customers").unwrap();
    assert_eq!(table.index("customers_name_billing_city_key").unwrap().columns, ["name", "billing_city"]);
    assert!(!table.column("billing_city").unwrap().nullable && table.column("ship_city").unwrap().nullable);
    assert!(table.check("customers_shipping_point_whole").is_some());
}
