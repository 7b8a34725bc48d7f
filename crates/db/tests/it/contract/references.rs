//! Keys of several fields, and relations to the models that have them.

use mainstay_core::StatusCode;
use mainstay_db::meta::meta_of;
use mainstay_db::schema::{self, Schema};
use mainstay_db::{
    BelongsTo, Db, DbError, Executor, HasMany, HasOne, Key, ManyToMany, ModelMeta, Query, Settings, model,
    sql,
};

use super::migrations::walk;
use super::{Engine, suite};

suite!(
    follows_a_key_of_several_fields,
    finds_rows_through_it,
    loads_from_both_sides,
    loads_more_owners_than_a_statement_takes,
    writes_through_it,
    a_key_is_there_whole_or_not_at_all,
    links_many_to_many,
    stores_a_row_with_those_that_belong_to_it,
    names_what_leads_nowhere_and_what_is_still_needed,
    follows_on_delete_and_on_update,
    migrations_and_inspection_know_it,
);

#[model]
struct Shop {
    id: i64,
    name: String,
    #[has_many]
    orders: HasMany<Order>,
}

/// Numbered within its shop.
#[model]
struct Order {
    #[field(primary_key)]
    #[belongs_to]
    shop: BelongsTo<Shop>,
    #[field(primary_key)]
    number: i32,
    note: String,
    #[has_many(by = order)]
    lines: HasMany<Line>,
    #[has_one]
    invoice: HasOne<Invoice>,
    #[many_to_many(through = OrderLabel)]
    labels: ManyToMany<Label>,
}

/// Shares the shop between two relations.
#[model]
struct Line {
    #[field(primary_key)]
    #[belongs_to]
    shop: BelongsTo<Shop>,
    #[field(primary_key)]
    number: i32,
    #[field(primary_key)]
    place: i32,
    #[belongs_to(fields(shop, number), on_delete = cascade, on_update = cascade)]
    order: BelongsTo<Order>,
    replaces: Option<i32>,
    #[belongs_to(fields(shop, replaces))]
    replaced: Option<BelongsTo<Order>>,
    text: String,
}

#[model]
#[unique(shop_id, order_number)]
struct Invoice {
    id: i64,
    shop_id: Option<Key<Shop>>,
    order_number: Option<i32>,
    #[belongs_to(fields(shop_id, order_number), on_delete = set_null)]
    order: Option<BelongsTo<Order>>,
}

#[model]
struct Label {
    id: i64,
    name: String,
    #[many_to_many(through = OrderLabel)]
    orders: ManyToMany<Order>,
}

#[model]
struct OrderLabel {
    #[field(primary_key)]
    shop: Key<Shop>,
    #[field(primary_key)]
    number: i32,
    #[field(primary_key)]
    #[belongs_to(on_delete = cascade)]
    label: BelongsTo<Label>,
    #[belongs_to(fields(shop, number), on_delete = cascade)]
    order: BelongsTo<Order>,
}

fn models() -> [&'static ModelMeta; 6] {
    [
        meta_of::<Shop>(),
        meta_of::<Order>(),
        meta_of::<Line>(),
        meta_of::<Invoice>(),
        meta_of::<Label>(),
        meta_of::<OrderLabel>(),
    ]
}

async fn shops(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&models(), &db).await.unwrap();
    db
}

/// Two shops, each with two orders of the same numbers.
async fn orders(engine: Engine) -> (Db, Vec<Order>) {
    let db = shops(engine).await;
    let mut orders = Vec::new();
    for shop in ["north", "south"] {
        let shop = NewShop { name: shop.into() }.insert(&db).await.unwrap();
        for number in [1, 2] {
            let note = format!("{}{number}", shop.name);
            orders.push(NewOrder { shop: shop.key(), number, note }.insert(&db).await.unwrap());
        }
    }
    (db, orders)
}

fn line(order: &Order, place: i32) -> NewLine {
    NewLine { shop: order.shop.key(), number: order.number, place, text: format!("{}/{place}", order.note) }
}

async fn texts(query: Query<Line>, db: &Db) -> Vec<String> {
    let lines = query.order_by(|l| l.text).all(db).await.unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

async fn follows_a_key_of_several_fields(engine: Engine) {
    let (db, orders) = orders(engine).await;
    let first = line(&orders[3], 1).insert(&db).await.unwrap();
    assert_eq!(first.order.key(), orders[3].key());
    assert!(first.order.get().is_err() && first.replaced.is_none());
    let read =
        Line::filter(|l| l.order.eq(&orders[3])).with(|l| l.order.with(|o| o.shop)).one(&db).await.unwrap();
    let order = read.order.get().unwrap();
    assert_eq!((order.note.as_str(), order.shop.get().unwrap().name.as_str()), ("south2", "south"));
    let json = serde_json::to_value(&read).unwrap();
    assert_eq!((&json["shop_id"], &json["number"]), (&serde_json::json!(2), &serde_json::json!(2)));
    assert_eq!(json["order"]["note"], "south2");
    assert!(serde_json::to_value(&first).unwrap().get("order").is_none());
    // A change of the parts is a change of the relation.
    let mut moved = first;
    moved.update(|l| l.replaces(1), &db).await.unwrap();
    assert_eq!(moved.replaced.as_ref().unwrap().key(), orders[2].key());
    Line::load(std::slice::from_mut(&mut moved), |l| l.replaced, &db).await.unwrap();
    assert_eq!(moved.replaced.as_ref().unwrap().get().unwrap().note, "south1");
    moved.update(|l| l.replaces(None), &db).await.unwrap();
    assert!(moved.replaced.is_none());
}

async fn finds_rows_through_it(engine: Engine) {
    let (db, orders) = orders(engine).await;
    for (order, replaces) in orders.iter().zip([None, Some(1), None, Some(1)]) {
        line(order, 1).replaces(replaces).insert(&db).await.unwrap();
    }
    assert_eq!(texts(Line::filter(|l| l.order.eq(&orders[1])), &db).await, ["north2/1"]);
    assert_eq!(
        texts(Line::filter(|l| l.order.eq(&orders[1]) | l.order.eq(orders[2].key())), &db).await.len(),
        2
    );
    assert_eq!(texts(Line::filter(|l| l.order.ne(&orders[1])), &db).await.len(), 3);
    assert_eq!(
        texts(Line::filter(|l| l.order.is(|o| o.note.ends_with("2"))), &db).await,
        ["north2/1", "south2/1"]
    );
    let nested = Line::filter(|l| l.order.is(|o| o.shop.is(|s| s.name.eq("south"))));
    assert_eq!(texts(nested, &db).await, ["south1/1", "south2/1"]);
    assert_eq!(texts(Line::filter(|l| l.replaced.is_null()), &db).await, ["north1/1", "south1/1"]);
    assert_eq!(texts(Line::filter(|l| l.replaced.eq(&orders[0])), &db).await, ["north2/1"]);
    // What has none is neither that row nor another one.
    assert_eq!(texts(Line::filter(|l| l.replaced.ne(&orders[0])), &db).await, ["south2/1"]);
    assert_eq!(texts(Line::filter(|l| !l.replaced.is(|o| o.number.eq(1))), &db).await.len(), 2);
    let notes =
        Line::query().order_by(|l| l.text).select(|l| (l.order.to(|o| o.note), l.replaced.maybe(|o| o.note)));
    let notes = notes.all(&db).await.unwrap();
    assert_eq!(notes[1], ("north2".to_owned(), Some("north1".to_owned())));
    assert_eq!(notes[2], ("south1".to_owned(), None));
    let full = Order::filter(|o| o.lines.any(|l| l.replaces.is_not_null())).count(&db).await.unwrap();
    assert_eq!((full, Order::filter(|o| o.lines.is_empty()).count(&db).await.unwrap()), (2, 0));
    let counts = Order::query().order_by(|o| o.note).select(|o| o.lines.count()).all(&db).await.unwrap();
    assert_eq!(counts, [1, 1, 1, 1]);
    let shops = Shop::filter(|s| s.orders.any(|o| o.lines.any(|l| l.text.eq("south1/1"))));
    assert_eq!(shops.one(&db).await.unwrap().name, "south");
    assert_eq!(Line::filter(|l| l.order.is(|o| o.note.eq("north1"))).delete(&db).await.unwrap(), 1);
}

async fn loads_from_both_sides(engine: Engine) {
    let (db, orders) = orders(engine).await;
    for order in &orders[1..] {
        for place in 1..=3 {
            line(order, place).insert(&db).await.unwrap();
        }
        NewInvoice {}.order(order.key()).insert(&db).await.unwrap();
    }
    let query = Order::query().with(|o| o.lines.order_by(|l| l.place.desc()).limit(2)).with(|o| o.invoice);
    let read = query.with(|o| o.shop).order_by(|o| o.note).all(&db).await.unwrap();
    let places = |order: &Order| order.lines.get().unwrap().iter().map(|line| line.place).collect::<Vec<_>>();
    assert_eq!((places(&read[0]), places(&read[3])), (vec![], vec![3, 2]));
    assert!(read[3].lines.get().unwrap().iter().all(|line| line.text.starts_with("south2/")));
    assert!(read[0].invoice.get().unwrap().is_none());
    let invoice = read[1].invoice.get().unwrap().unwrap();
    assert_eq!(invoice.order.as_ref().unwrap().key(), read[1].key());
    let query = Shop::query().with(|s| s.orders.with(|o| o.lines.with(|l| l.order)).order_by(|o| o.number));
    let read = query.order_by(|s| s.id).all(&db).await.unwrap();
    let lines = read[1].orders.get().unwrap()[1].lines.get().unwrap();
    assert_eq!((lines.len(), lines[0].order.get().unwrap().note.as_str()), (3, "south2"));
    // Only where the other row is as the closure says: a query of its own.
    let query = Line::query().with(|l| l.order.filter(|o| o.note.eq("south1"))).order_by(|l| l.text);
    let read = query.all(&db).await.unwrap();
    let loaded: Vec<bool> = read.iter().map(|line| line.order.loaded().is_some()).collect();
    assert_eq!(loaded, [false, false, false, true, true, true, false, false, false]);
}

async fn loads_more_owners_than_a_statement_takes(engine: Engine) {
    let db = shops(engine).await;
    let shop = NewShop { name: "much".into() }.insert(&db).await.unwrap();
    let order = |number| NewOrder { shop: shop.key(), number, note: number.to_string() };
    Order::insert_all((0..2_300).map(order), &db).await.unwrap();
    let line = |number| NewLine { shop: shop.key(), number, place: 0, text: number.to_string() };
    Line::insert_all((0..2_300).map(line), &db).await.unwrap();
    let orders = Order::query().with(|o| o.lines).all(&db).await.unwrap();
    assert_eq!(orders.len(), 2_300);
    assert!(orders.iter().all(|order| order.lines.get().unwrap()[0].text == order.note));
    let mut lines = Line::query().all(&db).await.unwrap();
    Line::load(&mut lines, |l| l.order, &db).await.unwrap();
    assert!(lines.iter().all(|line| line.order.get().unwrap().note == line.text));
}

async fn writes_through_it(engine: Engine) {
    let (db, mut orders) = orders(engine).await;
    let other = orders[0].key();
    let order = &mut orders[3];
    // Whatever the draft says of it, the row is this order's.
    let draft = NewLine { shop: order.shop.key(), number: 77, place: 5, text: "a".into() };
    let created = order.lines.create(draft, &db).await.unwrap();
    assert_eq!((created.order.key(), created.number), (order.key(), 2));
    let invoice = order.invoice.create(NewInvoice {}, &db).await.unwrap();
    assert_eq!(invoice.order.as_ref().unwrap().key(), order.key());
    assert_eq!(order.invoice.get().unwrap().unwrap().id, invoice.id);
    let mut invoice = Invoice::find(invoice.id, &db).await.unwrap();
    invoice.update(|i| i.order(other), &db).await.unwrap();
    assert_eq!((invoice.shop_id, invoice.order_number), (Some(Key::new(1)), Some(1)));
    invoice.update(|i| i.order(None), &db).await.unwrap();
    assert_eq!((invoice.shop_id, invoice.order_number, invoice.order), (None, None, None));
    let placed = NewLine { shop: Key::new(1), number: 1, place: 9, text: "b".into() }.order(order.key());
    assert_eq!(placed.insert(&db).await.unwrap().order.key(), order.key());
    let upserted = line(order, 9).upsert(|l| (l.shop, l.number, l.place), &db).await.unwrap();
    assert_eq!(upserted.text, "south2/9");
    // Rows with a key of several fields are taken over, and let go.
    let mut shop = Shop::find(1, &db).await.unwrap();
    let fault = shop.orders.remove([orders[0].key()], &db).await.unwrap_err().report();
    assert!(fault.contains("a `Order` must belong to a row: make its `shop` an `Option`"), "{fault}");
    let mut order = Order::find((Key::new(2), 1), &db).await.unwrap();
    let extra =
        NewLine { shop: Key::new(2), number: 2, place: 50, text: "c".into() }.insert(&db).await.unwrap();
    order.lines.add([&extra], &db).await.unwrap();
    assert_eq!(texts(Line::filter(|l| l.order.eq(&order)), &db).await, ["c"]);
}

async fn a_key_is_there_whole_or_not_at_all(engine: Engine) {
    let (db, orders) = orders(engine).await;
    let half = NewInvoice {}.shop_id(orders[0].shop.key()).insert(&db).await.unwrap();
    assert!(half.order.is_none());
    let read = Invoice::query().with(|i| i.order).one(&db).await.unwrap();
    assert!(read.order.is_none());
    assert_eq!(Invoice::filter(|i| i.order.is_null()).count(&db).await.unwrap(), 1);
    assert_eq!(Invoice::filter(|i| i.order.ne(&orders[1])).count(&db).await.unwrap(), 0);
}

async fn stores_a_row_with_those_that_belong_to_it(engine: Engine) {
    let db = shops(engine).await;
    let old = NewLabel { name: "old".into() }.insert(&db).await.unwrap();
    let (lines, label) = (["one", "two"], NewLabel { name: "new".into() });
    let stored = NewShop { name: "north".into() }
        .with(
            |s| s.orders,
            |shop| {
                let order = NewOrder { shop, number: 7, note: "urgent".into() }
                    .with(
                        |o| o.lines,
                        move |order| {
                            let (shop, number) = order.into_inner();
                            let line = move |(place, text): (i32, &str)| NewLine {
                                shop,
                                number,
                                place,
                                text: text.into(),
                            };
                            (1..).zip(lines).map(line)
                        },
                    )
                    .with(|o| o.labels, |_| [label])
                    .with_existing(|o| o.labels, [&old]);
                [order]
            },
        )
        .insert(&db)
        .await
        .unwrap();
    let order = &stored.orders.get().unwrap()[0];
    assert_eq!(order.lines.get().unwrap()[1].text, "two");
    assert_eq!(order.lines.get().unwrap()[1].order.key(), order.key());
    assert_eq!(texts(Line::filter(|l| l.order.eq(order)), &db).await, ["one", "two"]);
    assert_eq!(order.labels.keys(&db).await.unwrap().len(), 2);
    let twins = |place: [i32; 2]| {
        let line = move |order: Key<Order>| {
            let (shop, number) = order.into_inner();
            place.map(|place| NewLine { shop, number, place, text: "twin".into() })
        };
        NewOrder { shop: stored.key(), number: 8, note: "more".into() }.with(|o| o.lines, line)
    };
    let fault = twins([1, 1]).insert(&db).await.unwrap_err();
    assert_eq!((fault.status(), fault.faults()[0].pointer.as_str()), (StatusCode::CONFLICT, "/lines/1/shop"));
    assert_eq!(Order::query().count(&db).await.unwrap(), 1);
    twins([1, 2]).insert(&db).await.unwrap();
    assert_eq!(Line::query().count(&db).await.unwrap(), 4);
}

async fn links_many_to_many(engine: Engine) {
    let (db, mut orders) = orders(engine).await;
    let [a, b] = ["a", "b"].map(|name| NewLabel { name: name.into() });
    let (a, b) = (a.insert(&db).await.unwrap(), b.insert(&db).await.unwrap());
    orders[0].labels.add([&a, &b], &db).await.unwrap();
    orders[3].labels.set([&b], &db).await.unwrap();
    orders[3].labels.create(NewLabel { name: "c".into() }, &db).await.unwrap();
    let mut keys = orders[3].labels.keys(&db).await.unwrap();
    keys.sort_by_key(|key| *key.value());
    assert_eq!(keys, [Key::new(2), Key::new(3)]);
    orders[0].labels.remove([&b], &db).await.unwrap();
    let read =
        Order::query().with(|o| o.labels.order_by(|l| l.name)).order_by(|o| o.note).all(&db).await.unwrap();
    let names =
        |order: &Order| order.labels.get().unwrap().iter().map(|l| l.name.clone()).collect::<String>();
    assert_eq!(read.iter().map(names).collect::<Vec<_>>(), ["a", "", "", "bc"]);
    let labels = Label::query().with(|l| l.orders).order_by(|l| l.name).all(&db).await.unwrap();
    assert_eq!(labels[1].orders.get().unwrap()[0].note, "south2");
    assert_eq!(Order::filter(|o| o.labels.any(|l| l.name.eq("a"))).one(&db).await.unwrap().note, "north1");
    assert_eq!(Label::filter(|l| l.orders.any(|o| o.number.eq(2))).count(&db).await.unwrap(), 2);
    // And from the other side.
    let mut a = Label::filter(|l| l.id.eq(a.id)).with(|l| l.orders).one(&db).await.unwrap();
    a.orders.set([&orders[0], &orders[1], &orders[3]], &db).await.unwrap();
    a.orders.remove([&orders[0]], &db).await.unwrap();
    let mut keys = a.orders.keys(&db).await.unwrap();
    keys.sort_by_key(|key| key.value().1);
    keys.sort_by_key(|key| *key.value().0.value());
    assert_eq!(keys, [orders[1].key(), orders[3].key()]);
}

async fn names_what_leads_nowhere_and_what_is_still_needed(engine: Engine) {
    let (db, orders) = orders(engine).await;
    let nowhere = NewLine { shop: Key::new(1), number: 9, place: 1, text: String::new() };
    let fault = nowhere.insert(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY, "{}", fault.report());
    assert_eq!(fault.faults()[0].pointer, "/order");
    let mut kept = line(&orders[0], 1).insert(&db).await.unwrap();
    let fault = kept.update(|l| l.replaces(8), &db).await.unwrap_err();
    assert!(matches!(
        fault.source_as::<DbError>(),
        Some(DbError::UnknownReference { .. } | DbError::ForeignKeyViolation { .. })
    ));
    kept.update(|l| l.replaces(2), &db).await.unwrap();
    let fault = Order::find((Key::new(1), 2), &db).await.unwrap().delete(&db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::CONFLICT, "{}", fault.report());
    let Some(DbError::StillReferenced { by, column, .. }) = fault.source_as::<DbError>() else {
        panic!("{}", fault.report())
    };
    assert_eq!((by.as_str(), column.as_str()), ("lines", "shop_id_replaces"));
}

async fn follows_on_delete_and_on_update(engine: Engine) {
    let (db, mut orders) = orders(engine).await;
    line(&orders[0], 1).insert(&db).await.unwrap();
    line(&orders[1], 1).insert(&db).await.unwrap();
    let invoice = NewInvoice {}.order(orders[1].key()).insert(&db).await.unwrap();
    sql("UPDATE orders SET number = 40 WHERE shop_id = 1 AND number = 1").execute(&db).await.unwrap();
    assert_eq!(texts(Line::filter(|l| l.number.eq(40)), &db).await, ["north1/1"]);
    orders.remove(1).delete(&db).await.unwrap();
    assert_eq!(texts(Line::query(), &db).await, ["north1/1"]);
    assert!(Invoice::find(invoice.id, &db).await.unwrap().order.is_none());
}

async fn migrations_and_inspection_know_it(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let full = Schema::of_models(&models());
    let line = full.table("lines").unwrap();
    let key = line.foreign_key("lines_shop_id_number_fkey").unwrap();
    assert_eq!(
        (key.columns.join(" "), key.keys.join(" ")),
        ("shop_id number".into(), "shop_id number".into())
    );
    // The primary key begins with one of the two foreign keys; the other has an index of its own.
    let indexes: Vec<&str> = line.indexes.iter().map(|index| index.name.as_str()).collect();
    assert_eq!(indexes, ["lines_shop_id_replaces_idx"]);
    let mut before = full.clone();
    for table in &mut before.tables {
        table.foreign_keys.retain(|key| key.columns.len() == 1);
    }
    walk(&db, &[before, full]).await;

    schema::create_tables(&models(), &db).await.unwrap();
    assert_eq!(schema::missing_tables(&models(), &db).await.unwrap().len(), 0);
    let source = schema::source(&schema::live(db.target()).await.unwrap().recognised(db.dialect()));
    for expected in [
        "    #[belongs_to(fields(shop, number), on_delete = cascade, on_update = cascade)]\n    pub order: BelongsTo<Order>,",
        "    #[belongs_to(fields(shop, replaces))]\n    pub order_: Option<BelongsTo<Order>>,",
        "    #[belongs_to(fields(shop_id, order_number), on_delete = set_null)]\n    pub order: Option<BelongsTo<Order>>,",
    ] {
        assert!(source.contains(expected), "{expected}\n---\n{source}");
    }
}
