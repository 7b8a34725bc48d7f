//! Whatever a client sends is a value, never SQL, never a pattern.

use mainstay_db::{Db, schema};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::blog::{self, NewTag, Tag};

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
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

async fn survives(db: &Db, name: &str, needle: &str) -> mainstay_core::Result<()> {
    let tag = NewTag { name: name.to_owned() }.insert(db).await?;
    assert_eq!(tag.name, name);
    assert_eq!(Tag::filter(|t| t.name.eq(name)).count(db).await?, 1);
    assert_eq!(Tag::filter(|t| t.name.is_in([name, needle])).count(db).await?, 1);
    // SQLite's functions on texts end at a NUL; what is stored does not.
    if !name.contains('\u{0}') && !needle.contains('\u{0}') {
        let found = async |query: mainstay_db::Query<Tag>| query.exists(db).await;
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

#[test]
fn values_stay_values() {
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(async {
        let db = Db::open("sqlite::memory:").await.unwrap();
        schema::create_tables(&blog::models(), &db).await.unwrap();
        db
    });
    proptest!(ProptestConfig::with_cases(200), |(name in text(), needle in text())| {
        runtime.block_on(survives(&db, &name, &needle)).unwrap();
    });
}
