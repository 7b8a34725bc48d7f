//! Whatever a client sends is a value, never SQL, never a pattern.

use mainstay_core::{Result, StatusCode};
use mainstay_db::meta::meta_of;
use mainstay_db::{CursorRequest, Db, Dialect, Json, Query, case, count, model, schema, sql};
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::{Handle, Runtime};

use crate::blog::{NewTag, Tag};
use crate::contract::{Engine, blog, suite};

suite!(values_stay_values);

/// Texts made of what means something to somebody.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("; DROP TABLE tags; --".to_owned()),
        Just("\\".to_owned()),
        Just("%".to_owned()),
        Just("_".to_owned()),
        Just("*?[a]".to_owned()),
        Just("?1 $1 :a @b".to_owned()),
        Just("\u{0}".to_owned()),
        Just("\u{202e}\u{feff}".to_owned()),
        // Short enough for the unique columns of every engine.
        "(?s).{0,24}",
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

async fn survives(db: &Db, name: &str, needle: &str) -> Result<()> {
    let (nul, dialect) = (name.contains('\u{0}') || needle.contains('\u{0}'), db.dialect());
    if nul && dialect == Dialect::Postgres {
        // It holds no NUL, and must say so.
        let refused = Tag::filter(|t| t.name.eq(name) | t.name.eq(needle)).count(db).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.report());
        return Ok(());
    }
    let tag = NewTag { name: name.to_owned() }.insert(db).await?;
    assert_eq!(tag.name, name);
    assert_eq!(Tag::filter(|t| t.name.eq(name)).count(db).await?, 1);
    assert_eq!(Tag::filter(|t| t.name.is_in([name, needle])).count(db).await?, 1);
    // SQLite's functions on texts end at a NUL; what is stored does not.
    if !nul {
        let found = async |query: Query<Tag>| query.exists(db).await;
        assert_eq!(found(Tag::filter(|t| t.name.contains(needle))).await?, name.contains(needle));
        assert_eq!(found(Tag::filter(|t| t.name.starts_with(needle))).await?, name.starts_with(needle));
        assert_eq!(found(Tag::filter(|t| t.name.ends_with(needle))).await?, name.ends_with(needle));
        let half = &name[..name.ceil_char_boundary(name.len() / 2)];
        assert!(found(Tag::filter(|t| t.name.starts_with(half))).await?);
        assert!(found(Tag::filter(|t| t.name.contains_ignoring_case(half))).await?);
    }
    tag.delete(db).await?;
    assert_eq!(Tag::query().count(db).await?, 0);
    Ok(())
}

#[model]
struct Paper {
    id: i64,
    title: String,
    data: Json<serde_json::Value>,
}

/// Whatever is given to a function, a path, a `case`, a cursor or a place in SQL by hand.
async fn stays_a_value(db: &Db, text: &str, other: &str) -> mainstay_core::Result<()> {
    let document = json!({ text: { other: 7 }, "list": [text] });
    let paper = NewPaper { title: text.to_owned(), data: Json(document) }.insert(db).await?;
    let one = |query: Query<Paper>| async move { query.count(db).await };
    // SQLite's functions on texts end at a NUL; what is stored does not.
    let is_whole = !text.contains('\u{0}') && !other.contains('\u{0}');
    if is_whole {
        assert_eq!(one(Paper::filter(|p| p.title.concat(other).eq(format!("{text}{other}")))).await?, 1);
        assert!(one(Paper::filter(|p| p.title.like_ignoring_case(other))).await? <= 1);
        assert_eq!(one(Paper::filter(|p| p.data.path("").key(text).key(other).int().eq(7))).await?, 1);
        assert_eq!(one(Paper::filter(|p| p.data.path("").key(text).exists())).await?, 1);
        assert_eq!(one(Paper::filter(|p| p.data.path("list").contains(text))).await?, 1);
        assert_eq!(one(Paper::filter(|p| p.data.path("list[0]").text().eq(text))).await?, 1);
    }
    // A path of any letters finds something or nothing, and never becomes SQL.
    one(Paper::filter(|p| p.data.path(text).key(other).text().is_not_null())).await?;
    let chosen = Paper::query()
        .select(|p| (case(p.title.eq(text), other).otherwise("?"), count()))
        .group_by(|p| case(p.title.eq(text), other).otherwise("?"));
    assert_eq!(chosen.all(db).await?, [(other.to_owned(), 1)]);
    assert_eq!(
        one(Paper::filter(|p| p.title.is_in(Paper::filter(|p| p.title.eq(text)).select(|p| p.title))))
            .await?,
        1
    );
    let by_hand =
        sql("SELECT title FROM papers WHERE title = :it AND title <> ?").bind_named("it", text.to_owned());
    let found: Vec<String> = by_hand.bind(format!("{text}x")).fetch(db).await?;
    assert_eq!(found, [text]);
    let order = || Paper::query().order_by(|p| (p.title, p.data.path(other).text()));
    let page = order().paginate_by_cursor(5, db).await?;
    let fault = order().paginate_by_cursor(CursorRequest::after(text, 5), db).await.unwrap_err();
    assert_eq!(fault.machine_code(), "invalid_cursor");
    let after = order().paginate_by_cursor(CursorRequest::after(&*page.cursors[0], 5), db).await;
    match after {
        Ok(after) => assert!(after.items.is_empty()),
        Err(fault) => assert!(text.contains('\u{0}'), "{}", fault.report()),
    }
    Paper::query().update_with(|p| p.title.set(case(p.title.eq(text), other).otherwise("?")), db).await?;
    assert_eq!(one(Paper::filter(|p| p.title.eq(other))).await?, 1);
    paper.delete(db).await?;
    Ok(())
}

#[cfg(feature = "sqlite")]
#[test]
fn what_is_computed_with_stays_a_value() {
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(async {
        let db = Db::open("sqlite::memory:").await.unwrap();
        schema::create_tables(&[meta_of::<Paper>()], &db).await.unwrap();
        db
    });
    proptest!(ProptestConfig::with_cases(200), |(given in text(), other in text())| {
        runtime.block_on(stays_a_value(&db, &given, &other)).unwrap();
    });
}

async fn values_stay_values(engine: Engine) {
    let db = blog(engine).await;
    let runtime = Handle::current();
    // Servers answer more slowly than a file, and their SQL differs less from case to case than their number.
    let cases = if db.dialect() == Dialect::Sqlite { 200 } else { 60 };
    tokio::task::block_in_place(|| {
        proptest!(ProptestConfig::with_cases(cases), |(name in text(), needle in text())| {
            runtime.block_on(survives(&db, &name, &needle)).unwrap();
        });
    });
}
