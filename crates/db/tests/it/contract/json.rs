//! What is inside of JSON documents.

use mainstay_db::meta::meta_of;
use mainstay_db::{Db, Dialect, Json, Query, Settings, model, schema};
use serde_json::json;

use super::{Engine, suite};

suite!(
    finds_what_is_at_the_end_of_a_path,
    what_has_another_type_is_null,
    keys_are_taken_as_they_are_written,
    looks_for_values_in_arrays,
    sorts_and_groups_by_what_is_inside,
);

#[model]
pub(crate) struct Record {
    pub id: i64,
    pub data: Json<serde_json::Value>,
    pub extra: Option<Json<Vec<i64>>>,
}

async fn records(engine: Engine) -> Db {
    let db = Db::over(engine.driver().await, Settings::default());
    schema::create_tables(&[meta_of::<Record>()], &db).await.unwrap();
    let documents = [
        json!({"author": {"name": "Ann", "age": 41}, "tags": ["a", "b", 3], "public": true, "score": 1.5, "none": null}),
        json!({"author": {"name": "Bob", "age": 7}, "tags": [], "public": false, "score": 2, "big": i64::MAX}),
        json!({"author": "Cid", "tags": "a", "public": "yes", "items": [{"price": 3}, {"price": 4}]}),
        json!([10, 20]),
        json!({"a.b": 1, "c\"d": 2, "e[0]": 3, "": 4, "$": 5, "f g'h": 6, "é\\": 7, "0": 8}),
    ];
    for document in documents {
        NewRecord { data: Json(document) }.insert(&db).await.unwrap();
    }
    Record::filter(|r| r.id.eq(1)).update(|r| r.extra(Json(vec![5, 6])), &db).await.unwrap();
    db
}

async fn ids(query: Query<Record>, db: &Db) -> Vec<i64> {
    query.select(|r| r.id).order_by(|r| r.id).all(db).await.unwrap()
}

async fn finds_what_is_at_the_end_of_a_path(engine: Engine) {
    let db = records(engine).await;
    assert_eq!(ids(Record::filter(|r| r.data.path("author.name").text().eq("Ann")), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("author.name").text().starts_with("B")), &db).await, [2]);
    assert_eq!(ids(Record::filter(|r| r.data.path("author.age").int().gt(10)), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("score").float().within(1.5..=2.0)), &db).await, [1, 2]);
    assert_eq!(ids(Record::filter(|r| r.data.path("public").bool().eq(true)), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("public").bool().eq(false)), &db).await, [2]);
    assert_eq!(ids(Record::filter(|r| r.data.path("items[1].price").int().eq(4)), &db).await, [3]);
    assert_eq!(ids(Record::filter(|r| r.data.path("[1]").int().eq(20)), &db).await, [4]);
    assert_eq!(ids(Record::filter(|r| r.extra.path("[0]").int().eq(5)), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("big").int().eq(i64::MAX)), &db).await, [2]);
    assert_eq!(ids(Record::filter(|r| r.data.path("none").exists()), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("author.name").exists()), &db).await, [1, 2]);
    assert_eq!(ids(Record::filter(|r| !r.data.path("tags").exists()), &db).await, [4, 5]);
    let read = Record::filter(|r| r.id.le(3)).select(|r| {
        (r.data.path("author.name").text(), r.data.path("score").float(), r.data.path("public").bool())
    });
    let read = read.order_by(|r| r.id).all(&db).await.unwrap();
    assert_eq!(read[0], (Some("Ann".to_owned()), Some(1.5), Some(true)));
    assert_eq!(read[1], (Some("Bob".to_owned()), Some(2.0), Some(false)));
    assert_eq!(read[2], (None, None, None));
}

async fn what_has_another_type_is_null(engine: Engine) {
    let db = records(engine).await;
    let first = Record::filter(|r| r.id.eq(1)).select(|r| {
        (
            r.data.path("author").text(),
            r.data.path("score").int(),
            r.data.path("tags").bool(),
            r.data.path("none").text(),
            r.data.path("author.age").text(),
            r.data.path("nowhere.at.all").float(),
        )
    });
    assert_eq!(first.one(&db).await.unwrap(), (None, None, None, None, None, None));
}

async fn keys_are_taken_as_they_are_written(engine: Engine) {
    let db = records(engine).await;
    for (key, number) in
        [("a.b", 1), ("c\"d", 2), ("e[0]", 3), ("", 4), ("$", 5), ("f g'h", 6), ("é\\", 7), ("0", 8)]
    {
        let found = Record::filter(|r| r.data.path("").key(key).int().eq(number));
        assert_eq!(ids(found, &db).await, [5], "{key}");
    }
    let second = Record::filter(|r| r.data.path("").index(1).int().is_not_null());
    assert_eq!(ids(second, &db).await, [4]);
}

async fn looks_for_values_in_arrays(engine: Engine) {
    let db = records(engine).await;
    assert_eq!(ids(Record::filter(|r| r.data.path("tags").contains("b")), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("tags").contains("a")), &db).await, [1, 3]);
    assert_eq!(ids(Record::filter(|r| r.data.path("tags").contains(3)), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("public").contains(true)), &db).await, [1]);
    assert_eq!(ids(Record::filter(|r| r.data.path("author").contains("Ann")), &db).await, Vec::<i64>::new());
    assert_eq!(ids(Record::filter(|r| r.extra.path("").contains(6)), &db).await, [1]);
    let nested = Record::filter(|r| r.data.path("").contains(json!({"author": {"name": "Ann"}})));
    if db.dialect() == Dialect::Sqlite {
        let fault = nested.count(&db).await.unwrap_err();
        assert!(fault.report().contains("SQLite cannot look for arrays and objects"), "{}", fault.report());
    } else {
        assert_eq!(ids(nested, &db).await, [1]);
    }
}

async fn sorts_and_groups_by_what_is_inside(engine: Engine) {
    let db = records(engine).await;
    let by_name = Record::query()
        .select(|r| (r.data.path("author.name").text(), r.id.count()))
        .group_by(|r| r.data.path("author.name").text())
        .order_by(|r| r.data.path("author.name").text().desc().nulls_last());
    let names = by_name.all(&db).await.unwrap();
    assert_eq!(names, [(Some("Bob".into()), 1), (Some("Ann".into()), 1), (None, 3)]);
    let oldest = Record::query().max(|r| r.data.path("author.age").int(), &db).await.unwrap();
    assert_eq!(oldest, Some(41));
}
