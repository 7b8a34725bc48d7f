//! Enums that are stored as numbers.

use mainstay_core::StatusCode;
use mainstay_db::meta::meta_of;
use mainstay_db::schema::{self, Schema};
use mainstay_db::write::Assignments;
use mainstay_db::{Db, DbEnum, Settings, Value, model, sql};

use super::migrations::walk;
use super::{Engine, suite};

suite!(
    stores_numbers_and_shows_names,
    sorts_and_compares_by_number,
    the_table_knows_the_numbers,
    a_number_that_no_variant_has_is_told_of,
    migrations_follow_the_variants,
);

#[derive(DbEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[db(integer)]
enum Level {
    Below = -1,
    #[default]
    Ground = 0,
    #[db(rename = "up")]
    Above = 7,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[db(integer)]
#[repr(i64)]
enum Width {
    Middle = 70_000,
    Wide = 9_007_199_254_740_993,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[db(integer)]
enum Area {
    Small = 1,
    Large = 0x7FFF_FFFF,
}

#[model]
#[derive(PartialEq)]
struct Room {
    id: i64,
    #[field(default)]
    level: Level,
    width: Option<Width>,
    #[field(index)]
    area: Option<Area>,
}

async fn rooms(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Room>()], &db).await.unwrap();
    db
}

async fn stores_numbers_and_shows_names(engine: Engine) {
    let db = rooms(engine).await;
    let plain = NewRoom {}.insert(&db).await.unwrap();
    assert_eq!((plain.level, plain.width), (Level::Ground, None));
    let mut room =
        NewRoom {}.level(Level::Above).width(Width::Wide).area(Area::Large).insert(&db).await.unwrap();
    assert_eq!(Room::find(room.id, &db).await.unwrap(), room);
    let row = sql("SELECT level, width, area FROM rooms WHERE id = ?").bind(room.id);
    let row = row.rows(&db).await.unwrap();
    let row = row.first().unwrap();
    assert_eq!((row.get(0), row.get(1)), (Ok(7_i64), Ok(9_007_199_254_740_993_i64)));
    assert_eq!(row.get(2), Ok(2_147_483_647_i64));
    let json = serde_json::to_value(&room).unwrap();
    assert_eq!((&json["level"], &json["width"]), (&"up".into(), &"wide".into()));
    assert_eq!(serde_json::from_value::<Level>("below".into()).unwrap(), Level::Below);
    assert!(serde_json::from_value::<Level>(7.into()).is_err());
    room.update(|r| r.level(Level::Below).width(Width::Middle), &db).await.unwrap();
    assert_eq!((room.level, room.width), (Level::Below, Some(Width::Middle)));
    let levels = Room::query().order_by(|r| r.id).select(|r| (r.level, r.area)).all(&db).await.unwrap();
    assert_eq!(levels, [(Level::Ground, None), (Level::Below, Some(Area::Large))]);
}

async fn sorts_and_compares_by_number(engine: Engine) {
    let db = rooms(engine).await;
    for level in [Level::Above, Level::Below, Level::Ground, Level::Above] {
        NewRoom {}.level(level).insert(&db).await.unwrap();
    }
    let sorted = Room::query().order_by(|r| (r.level, r.id)).select(|r| r.level).all(&db).await.unwrap();
    assert_eq!(sorted, [Level::Below, Level::Ground, Level::Above, Level::Above]);
    let count = async |query: mainstay_db::Query<Room>| query.count(&db).await.unwrap();
    assert_eq!(count(Room::filter(|r| r.level.eq(Level::Above))).await, 2);
    assert_eq!(count(Room::filter(|r| r.level.lt(Level::Above))).await, 2);
    assert_eq!(count(Room::filter(|r| r.level.is_in([Level::Below, Level::Ground]))).await, 2);
    assert_eq!(count(Room::filter(|r| r.width.is_null())).await, 4);
    let page =
        Room::query().order_by(|r| r.level).paginate_by_cursor(mainstay_db::CursorRequest::first(2), &db);
    let next = mainstay_db::CursorRequest::after(page.await.unwrap().next.unwrap(), 2);
    let page = Room::query().order_by(|r| r.level).paginate_by_cursor(next, &db).await.unwrap();
    assert!(page.items.iter().all(|room| room.level == Level::Above));
}

async fn the_table_knows_the_numbers(engine: Engine) {
    let db = rooms(engine).await;
    let fault = sql("INSERT INTO rooms (level) VALUES (1)").execute(&db).await.unwrap_err();
    assert!(fault.report().contains("rooms_level_choice"), "{}", fault.report());
    let mut row = Assignments::new(meta_of::<Room>());
    row.set_value(1, Value::Int(1));
    let fault = mainstay_db::write::insert::<Room>(row, &db).await.unwrap_err();
    assert_eq!(fault.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fault.faults()[0].message, "must be one of below, ground, up");
    assert_eq!(schema::missing_tables(&[meta_of::<Room>()], &db).await.unwrap().len(), 0);
}

async fn a_number_that_no_variant_has_is_told_of(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let table = "CREATE TABLE rooms (id bigint, level smallint, width bigint, area integer)";
    sql(table).execute(&db).await.unwrap();
    sql("INSERT INTO rooms (id, level) VALUES (1, 5)").execute(&db).await.unwrap();
    let fault = Room::query().first(&db).await.unwrap_err().report();
    let expected = "column `level` holds the integer 5, expected one of -1 (below), 0 (ground), 7 (up)";
    assert!(fault.contains(expected), "{fault}");
}

async fn migrations_follow_the_variants(engine: Engine) {
    let db = Db::over(engine.driver().await, Settings::default());
    let now = Schema::of_models(&[meta_of::<Room>()]);
    let level = |schema: &mut Schema, one_of: &[&str]| {
        let column = schema.tables[0].columns.iter_mut().find(|column| column.name == "level").unwrap();
        column.one_of = one_of.iter().map(|number| (*number).to_owned()).collect();
    };
    let (mut before, mut after) = (now.clone(), now.clone());
    level(&mut before, &["-1", "0"]);
    level(&mut after, &["-1", "0", "7", "8"]);
    walk(&db, &[before, now, after]).await;
}
