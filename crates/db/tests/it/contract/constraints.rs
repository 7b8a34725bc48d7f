//! What a table refuses, and how it is said: with the names that the code has, the same on every engine.

use mainstay_core::{Error, StatusCode};
use mainstay_db::meta::meta_of;
use mainstay_db::{BelongsTo, Db, DbError, DbType, Decimal, HasMany, Settings, Uuid, model, schema, sql};

use super::{Engine, suite};

/// Something in a shop.
#[model]
#[unique(shop, code)]
#[check(
    name = "items_price_is_fair",
    sql = "price <= 10 * stock",
    message = "The price is too high for so few."
)]
struct Item {
    id: i64,
    shop: i32,
    #[field(max_length = 20, min_length = 2)]
    code: String,
    #[field(precision = 8, scale = 2, min = 0)]
    price: Decimal,
    #[field(max = 1_000, default = 100)]
    stock: u16,
    #[field(max_length = 20, check = "color <> 'none'", default_sql = "'red'")]
    color: String,
}

/// With what only some engines have.
#[model]
#[unique(slug, where = "hidden = 0")]
#[unique(expression = "lower(title)")]
struct Leaf {
    id: i64,
    #[field(max_length = 40)]
    slug: String,
    #[field(max_length = 40)]
    title: String,
    #[field(default)]
    hidden: i32,
}

/// An address that is one.
#[derive(DbType, Clone, Debug, PartialEq, Eq)]
#[db(try_from)]
struct Email(String);

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.contains('@') { Ok(Self(text)) } else { Err("it has no @") }
    }
}

#[derive(DbType, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[db(key)]
struct MemberId(Uuid);

#[derive(DbType, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[db(key)]
struct Number(i64);

#[model]
#[derive(PartialEq)]
struct Member {
    #[field(default = MemberId(Uuid::now_v7()))]
    id: MemberId,
    #[field(unique, max_length = 80)]
    email: Email,
    nick: Option<Email>,
    #[belongs_to]
    host: Option<BelongsTo<Self>>,
    #[has_many]
    guests: HasMany<Self>,
}

/// A key that the engine counts.
#[model]
struct Ticket {
    #[field(primary_key, generated)]
    number: Number,
    seat: i32,
}

/// A key of three fields.
#[model]
#[derive(PartialEq)]
struct Place {
    #[field(primary_key)]
    house: Uuid,
    #[field(primary_key, max_length = 10)]
    row: String,
    #[field(primary_key)]
    seat: i16,
    #[field(default)]
    taken: bool,
}

async fn database(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    let mut models = vec![meta_of::<Item>(), meta_of::<Member>(), meta_of::<Ticket>(), meta_of::<Place>()];
    if db.dialect().has_partial_indexes() {
        models.push(meta_of::<Leaf>());
    }
    assert_eq!(schema::unsupported(&models, db.dialect()).len(), 0);
    schema::create_tables(&models, &db).await.unwrap();
    db
}

fn item(code: &str) -> NewItem {
    NewItem { shop: 1, code: code.into(), price: Decimal::TEN }
}

fn source(error: &Error) -> &DbError {
    error.source_as().unwrap_or_else(|| panic!("{}", error.report()))
}

fn status(error: &Error) -> (StatusCode, String) {
    (error.status(), error.machine_code().to_string())
}

async fn says_which_fields_must_be_unique(engine: Engine) {
    let db = database(engine).await;
    item("one").insert(&db).await.unwrap();
    NewItem { shop: 2, ..item("one") }.insert(&db).await.unwrap();
    let fault = item("one").insert(&db).await.unwrap_err();
    assert_eq!(status(&fault), (StatusCode::CONFLICT, "unique_violation".into()));
    assert_eq!(
        *source(&fault),
        DbError::UniqueViolation { model: "Item".into(), fields: vec!["shop".into(), "code".into()] }
    );
    assert_eq!(fault.message(), "Another one has the same `shop` and `code` already.");
}

async fn an_index_of_some_rows_or_of_an_expression_is_unique_in_them(engine: Engine) {
    let db = database(engine).await;
    if !db.dialect().has_partial_indexes() {
        return;
    }
    let leaf = |slug: &str, title: &str| NewLeaf { slug: slug.into(), title: title.into() };
    leaf("a", "One").insert(&db).await.unwrap();
    leaf("a", "Two").hidden(1).insert(&db).await.unwrap();
    let unique = |field: &str| DbError::UniqueViolation { model: "Leaf".into(), fields: vec![field.into()] };
    let fault = leaf("a", "Three").insert(&db).await.unwrap_err();
    assert_eq!(*source(&fault), unique("slug"));
    let fault = leaf("b", "ONE").insert(&db).await.unwrap_err();
    let DbError::UniqueViolation { model, fields } = source(&fault) else { panic!("{}", fault.report()) };
    assert_eq!((model.as_str(), fields.len()), ("Leaf", 1));
    assert!(fields[0].starts_with("lower("), "{fields:?}");
}

async fn a_check_speaks_for_itself(engine: Engine) {
    let db = database(engine).await;
    let mut dear = item("dear");
    dear.price = Decimal::from(2_000);
    let fault = dear.insert(&db).await.unwrap_err();
    assert_eq!(status(&fault), (StatusCode::UNPROCESSABLE_ENTITY, "check_violation".into()));
    assert_eq!(fault.message(), "The price is too high for so few.");
    let DbError::FailedCheck { model, field, constraint, .. } = source(&fault) else { panic!() };
    assert_eq!((&**model, &**field, &**constraint), ("Item", "", "items_price_is_fair"));

    let fault = item("gray").color("none").insert(&db).await.unwrap_err();
    let DbError::FailedCheck { model, field, .. } = source(&fault) else { panic!("{}", fault.report()) };
    assert_eq!((&**model, &**field), ("Item", "color"));
    assert_eq!(fault.faults()[0].pointer, "/color");
}

async fn a_table_refuses_what_gets_around_validation(engine: Engine) {
    let db = database(engine).await;
    let one = item("one").insert(&db).await.unwrap();
    for (change, column) in
        [("stock = 1001", "stock"), ("stock = stock - 101", "stock"), ("price = -1", "price")]
    {
        let fault = sql(format!("UPDATE items SET {change}")).execute(&db).await.unwrap_err();
        let DbError::CheckViolation { constraint } = source(&fault) else { panic!("{}", fault.report()) };
        // A negative stock is not fair either, and each engine names the one of the two that it looks at first.
        let named =
            constraint.starts_with(&format!("items_{column}_")) || constraint == "items_price_is_fair";
        assert!(named, "{constraint}");
    }
    assert_eq!(Item::find(one.id, &db).await.unwrap().stock, 100);
}

async fn a_column_keeps_to_the_range_of_its_type(engine: Engine) {
    let db = database(engine).await;
    NewItem { shop: i32::MAX, ..item("one") }.insert(&db).await.unwrap();
    let fault = sql("UPDATE items SET shop = shop + 1").execute(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY, "{}", fault.report());
    assert_eq!(Item::query().one(&db).await.unwrap().shop, i32::MAX);
}

async fn says_everything_that_is_wrong_at_once(engine: Engine) {
    let db = database(engine).await;
    let mut wrong = item("x");
    wrong.price = Decimal::new(-12_345, 3);
    let fault = wrong.stock(1_001).color("a color with a very long name").insert(&db).await.unwrap_err();
    assert_eq!(status(&fault), (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed".into()));
    let faults: Vec<_> = fault.faults().iter().map(|fault| (&*fault.pointer, &*fault.code)).collect();
    assert_eq!(
        faults,
        [
            ("/code", "too_short"),
            ("/price", "too_small"),
            ("/price", "digits"),
            ("/stock", "too_large"),
            ("/color", "too_long")
        ]
    );
    assert_eq!(Item::query().count(&db).await.unwrap(), 0);
}

async fn fills_in_what_the_engine_knows(engine: Engine) {
    let db = database(engine).await;
    assert_eq!(item("one").insert(&db).await.unwrap().color, "red");
    assert_eq!(item("two").color("blue").insert(&db).await.unwrap().color, "blue");
}

async fn a_struct_around_a_value_is_a_field_a_key_and_an_operand(engine: Engine) {
    let db = database(engine).await;
    let email = |text: &str| Email::try_from(text.to_owned()).unwrap();
    let ann = NewMember { email: email("ann@example.com") }.insert(&db).await.unwrap();
    let bob = NewMember { email: email("bob@example.com") }.host(ann.key()).insert(&db).await.unwrap();
    assert_eq!(Member::find(bob.id, &db).await.unwrap(), bob);
    assert_eq!(Member::filter(|m| m.host.eq(ann.id)).one(&db).await.unwrap(), bob);
    assert_eq!(Member::filter(|m| m.email.eq(email("ann@example.com"))).one(&db).await.unwrap(), ann);
    assert_eq!(Member::filter(|m| m.email.starts_with("bob@")).one(&db).await.unwrap(), bob);
    let read = Member::filter(|m| m.id.eq(ann.id)).with(|m| m.guests).one(&db).await.unwrap();
    assert_eq!(read.guests.get().unwrap()[0].id, bob.id);
    assert_eq!(serde_json::to_value(&bob).unwrap()["email"], "bob@example.com");
    assert!(serde_json::from_str::<Email>("\"nobody\"").unwrap_err().to_string().contains("it has no @"));

    sql("UPDATE members SET nick = 'nobody'").execute(&db).await.unwrap();
    let fault = Member::find(ann.id, &db).await.unwrap_err();
    let DbError::Decode { column, expected, found } = source(&fault) else { panic!() };
    assert_eq!((&**column, *expected, &**found), ("nick", "Email", "the text \"nobody\" (it has no @)"));
}

async fn an_engine_counts_a_struct_around_a_number(engine: Engine) {
    let db = database(engine).await;
    let first = NewTicket { seat: 7 }.insert(&db).await.unwrap();
    let second = NewTicket { seat: 8 }.insert(&db).await.unwrap();
    assert!(second.number.0 > first.number.0);
    assert_eq!(Ticket::find(second.number, &db).await.unwrap().seat, 8);
}

async fn a_key_can_have_several_fields(engine: Engine) {
    let db = database(engine).await;
    let house = Uuid::now_v7();
    let place = |row: &str, seat| NewPlace { house, row: row.into(), seat };
    let mut one = place("A", 1).insert(&db).await.unwrap();
    place("A", 2).insert(&db).await.unwrap();
    place("a", 1).insert(&db).await.unwrap();
    let fault = place("A", 1).insert(&db).await.unwrap_err();
    let fields = ["house", "row", "seat"].map(str::to_owned).to_vec();
    assert_eq!(*source(&fault), DbError::UniqueViolation { model: "Place".into(), fields });
    one.update(|p| p.taken(true), &db).await.unwrap();
    assert_eq!(Place::find((house, "A".to_owned(), 1), &db).await.unwrap(), one);
    assert!(!Place::find((house, "A".to_owned(), 2), &db).await.unwrap().taken);
    one.delete(&db).await.unwrap();
    assert!(Place::get((house, "A".to_owned(), 1), &db).await.unwrap().is_none());
    assert_eq!(Place::query().count(&db).await.unwrap(), 2);
}

suite!(
    says_which_fields_must_be_unique,
    an_index_of_some_rows_or_of_an_expression_is_unique_in_them,
    a_check_speaks_for_itself,
    a_table_refuses_what_gets_around_validation,
    a_column_keeps_to_the_range_of_its_type,
    says_everything_that_is_wrong_at_once,
    fills_in_what_the_engine_knows,
    a_struct_around_a_value_is_a_field_a_key_and_an_operand,
    an_engine_counts_a_struct_around_a_number,
    a_key_can_have_several_fields,
);
