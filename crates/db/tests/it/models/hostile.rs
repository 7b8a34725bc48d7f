//! Whatever a client sends is a value, never SQL, never a pattern.

use mainstay_core::{Result, StatusCode};
use mainstay_db::{Db, Dialect, Query};
use proptest::prelude::*;
use tokio::runtime::Handle;

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
