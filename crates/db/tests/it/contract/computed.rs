//! Fields that the engine computes from others of their row.

use mainstay_db::meta::meta_of;
use mainstay_db::schema::{self, Schema};
use mainstay_db::write::Assignments;
use mainstay_db::{Db, Dialect, Executor, Settings, Value, model};

use super::migrations::walk;
use super::{Engine, suite};

suite!(
    every_write_computes_it_again,
    nobody_writes_it,
    it_is_asked_for_and_indexed_like_others,
    migrations_make_change_and_drop_it,
    the_table_is_compared_and_printed,
    an_engine_says_what_it_cannot_compute_from,
);

#[model]
#[derive(PartialEq)]
struct Item {
    id: i64,
    #[field(unique)]
    code: i32,
    price: i64,
    #[field(default = 1)]
    pieces: i64,
    #[field(generated = "price * pieces", index)]
    total: i64,
    #[field(max_length = 40)]
    name: Option<String>,
    #[field(generated = "lower(name)", max_length = 40)]
    folded: Option<String>,
}

#[model(table = "doubles")]
struct Double {
    id: i64,
    one: i64,
    #[field(generated = "one * 2")]
    two: i64,
    #[field(generated = "two * 2")]
    four: i64,
    #[field(generated = "id * 2")]
    of_key: i64,
}

async fn items(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Item>()], &db).await.unwrap();
    db
}

fn item(code: i32, price: i64) -> NewItem {
    NewItem { code, price }
}

async fn every_write_computes_it_again(engine: Engine) {
    let db = items(engine).await;
    let mut one = item(1, 5).pieces(3).name("ANN".to_owned()).insert(&db).await.unwrap();
    assert_eq!((one.total, one.folded.as_deref()), (15, Some("ann")));
    one.update(|i| i.pieces(4).name(None), &db).await.unwrap();
    assert_eq!((one.total, one.folded.as_deref()), (20, None));
    one.edit(|i| i.price = 6, &db).await.unwrap();
    assert_eq!(one.total, 24);
    one.price = 7;
    one.save(&db).await.unwrap();
    assert_eq!(one.total, 28);
    one.update_with(|i| i.price.set(i.price + 1), &db).await.unwrap();
    assert_eq!(one.total, 32);
    one.price = 1;
    Item::save_all(std::slice::from_ref(&one), &db).await.unwrap();
    assert_eq!(Item::find(one.id, &db).await.unwrap().total, 4);
    assert_eq!(item(1, 9).upsert(|i| i.code, &db).await.unwrap().total, 36);
    Item::insert_all([item(2, 2), item(3, 3)], &db).await.unwrap();
    let stored = Item::insert_all_returning([item(4, 4).pieces(2)], &db).await.unwrap();
    assert_eq!(stored[0].total, 8);
    Item::upsert_all([item(4, 5), item(5, 6)], |i| i.code, &db).await.unwrap();
    Item::filter(|i| i.code.le(3)).update(|i| i.pieces(2), &db).await.unwrap();
    let totals = Item::query().order_by(|i| i.code).select(|i| i.total).all(&db).await.unwrap();
    assert_eq!(totals, [18, 4, 6, 10, 6]);
}

async fn nobody_writes_it(engine: Engine) {
    let db = items(engine).await;
    let mut one = item(1, 5).insert(&db).await.unwrap();
    let total = meta_of::<Item>().column("total").unwrap().0;
    let mut row = Assignments::new(meta_of::<Item>());
    row.set_value(1, Value::Int(2));
    row.set_value(2, Value::Int(2));
    row.set_value(total, Value::Int(7));
    let fault = mainstay_db::write::insert::<Item>(row, &db).await.unwrap_err();
    assert_eq!((fault.faults()[0].pointer.as_str(), &*fault.faults()[0].code), ("/total", "computed"));
    let fault = one.update_with(|i| i.total.set(7), &db).await.unwrap_err().report();
    assert!(fault.contains("`Item.total` is computed by the database, and cannot be set"), "{fault}");
    // What the program sets it to is passed over, as for a version.
    one.total = 99;
    one.edit(|i| i.total = 98, &db).await.unwrap();
    one.save(&db).await.unwrap();
    assert_eq!(one.total, 5);
}

async fn it_is_asked_for_and_indexed_like_others(engine: Engine) {
    let db = items(engine).await;
    for (code, price) in [(1, 5), (2, 50), (3, 500)] {
        item(code, price).name(format!("N{code}")).insert(&db).await.unwrap();
    }
    let found = Item::filter(|i| i.total.ge(50) & i.folded.eq("n3")).one(&db).await.unwrap();
    assert_eq!(found.code, 3);
    let codes = Item::query().order_by(|i| i.total.desc()).select(|i| i.code).all(&db).await.unwrap();
    assert_eq!(codes, [3, 2, 1]);
    assert_eq!(serde_json::to_value(&found).unwrap()["total"], 500);
    let live = schema::live(db.target()).await.unwrap();
    assert_eq!(live.table("items").unwrap().index("items_total_idx").unwrap().columns, ["total"]);
}

async fn migrations_make_change_and_drop_it(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let full = Schema::of_models(&[meta_of::<Item>()]);
    let changed = |change: &dyn Fn(&mut schema::Table)| {
        let mut schema = full.clone();
        change(&mut schema.tables[0]);
        schema
    };
    let without = changed(&|table| {
        table.columns.retain(|column| column.computed.is_none());
        table.indexes.retain(|index| index.columns != ["total"]);
    });
    let computed = |table: &mut schema::Table, sql: Option<&str>| {
        let column = table.columns.iter_mut().find(|column| column.name == "total").unwrap();
        column.computed = sql.map(str::to_owned);
    };
    let otherwise = changed(&|table| computed(table, Some("price + pieces")));
    let plain = changed(&|table| computed(table, None));
    walk(&db, &[without, full.clone(), otherwise, plain, full.clone()]).await;
}

async fn the_table_is_compared_and_printed(engine: Engine) {
    let db = items(engine).await;
    assert_eq!(schema::missing_tables(&[meta_of::<Item>()], &db).await.unwrap().len(), 0);
    let mut plain = Schema::of_models(&[meta_of::<Item>()]);
    for column in &mut plain.tables[0].columns {
        column.computed = None;
    }
    let differences = schema::differences(&plain, db.target()).await.unwrap().join("\n");
    assert!(
        differences.contains("the column `items.total` is computed, and `items.total` writes it"),
        "{differences}"
    );
    let source = schema::source(&schema::live(db.target()).await.unwrap().recognised(db.dialect()));
    let expected = match db.dialect() {
        Dialect::Sqlite => "#[field(index, generated = \"price * pieces\")]\n    pub total: i64,",
        Dialect::Postgres => "#[field(index, generated = \"(price * pieces)\")]\n    pub total: i64,",
        // MariaDB says nothing of NULL in what it computes.
        Dialect::MariaDb => {
            "#[field(index, generated = \"`price` * `pieces`\")]\n    pub total: Option<i64>,"
        }
        _ => "#[field(index, generated = \"(`price` * `pieces`)\")]\n    pub total: i64,",
    };
    assert!(source.contains(expected), "{expected}\n---\n{source}");
}

async fn an_engine_says_what_it_cannot_compute_from(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let findings = schema::unsupported(&[meta_of::<Double>()], db.dialect());
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let expected = match db.dialect() {
        Dialect::Sqlite => None,
        Dialect::Postgres => {
            Some("PostgreSQL cannot compute `Double.four` from `two`, which is computed itself".to_owned())
        }
        other => Some(format!("{} cannot compute `Double.of_key` from `id`, which it counts", other.name())),
    };
    assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
    let made = schema::create_tables(&[meta_of::<Double>()], &db).await;
    match expected {
        None => {
            made.unwrap();
            let double = NewDouble { one: 3 }.insert(&db).await.unwrap();
            assert_eq!((double.two, double.four), (6, 12));
        }
        Some(expected) => {
            assert!(found[0].contains(&format!("error[db.E027]: {expected}")), "{found:?}");
            // The engine refuses it too: the finding is not too strict.
            made.unwrap_err();
        }
    }
}
