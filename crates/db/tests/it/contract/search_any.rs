//! Whatever is looked for: any search finds what a person would find by reading, and no text is an error.

use mainstay_db::Dialect;
use proptest::prelude::*;
use tokio::runtime::Handle;

use super::search::{NewPaper, Paper, empty, found, papers};
use super::{Engine, suite};

suite!(finds_what_anybody_would_find, any_text_is_a_search);

/// What is looked for: alternatives of what has to be there, and what may not.
type Asked = Vec<(Vec<String>, Vec<String>)>;

/// A word, a phrase in quotes, or the beginning of a word.
fn item() -> impl Strategy<Value = String> {
    let word = || proptest::sample::select(vec!["heron", "egret", "herons", "stork", "ibis"]);
    prop_oneof![
        2 => word().prop_map(str::to_owned),
        1 => (word(), word()).prop_map(|(one, two)| format!("\"{one} {two}\"")),
        1 => word().prop_map(|word| format!("{}*", &word[..3])),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let items = |least| proptest::collection::vec(item(), least..3);
    proptest::collection::vec((items(1), items(0)), 1..4)
}

fn typed(asked: &Asked) -> String {
    let alternative = |(with, without): &(Vec<String>, Vec<String>)| {
        let without: String = without.iter().map(|item| format!(" -{item}")).collect();
        with.join(" ") + &without
    };
    asked.iter().map(alternative).collect::<Vec<_>>().join(" OR ")
}

fn has(texts: &[String], item: &str) -> bool {
    let words = |text: &String| format!(" {} ", text.replace(['-', ',', '_', '\''], " "));
    texts.iter().map(words).any(|text| match item.strip_suffix('*') {
        Some(beginning) => text.contains(&format!(" {beginning}")),
        None => text.contains(&format!(" {} ", item.trim_matches('"'))),
    })
}

async fn finds_what_anybody_would_find(engine: Engine) {
    let db = empty(engine).await;
    let word = || proptest::sample::select(vec!["heron", "egret", "herons", "stork", "ibis", "plover"]);
    let between = || proptest::sample::select(vec![" ", "-", ",", "_", "'"]);
    let text = || {
        let words = proptest::collection::vec((word(), between()), 0..5);
        words.prop_map(|words| {
            words.into_iter().map(|(word, between)| format!("{word}{between}")).collect::<String>()
        })
    };
    let rows = proptest::collection::vec((text(), proptest::option::of(text())), 12);
    let runtime = Handle::current();
    let cases = if db.dialect() == Dialect::Sqlite { 40 } else { 20 };
    tokio::task::block_in_place(|| {
        let searches = proptest::collection::vec(asked(), 12);
        proptest!(ProptestConfig::with_cases(cases), |(rows in rows, searches in searches)| {
            runtime.block_on(async {
                Paper::query().delete(&db).await.unwrap();
                for (number, (title, body)) in (1_i64..).zip(&rows) {
                    let row = NewPaper { title: format!("{title} {number}") };
                    row.id(number).body(body.clone()).insert(&db).await.unwrap();
                }
                for asked in searches {
                    let fits = |(title, body): &(String, Option<String>)| {
                        let texts: Vec<String> = std::iter::once(title).chain(body).cloned().collect();
                        asked.iter().any(|(with, without)| {
                            with.iter().all(|item| has(&texts, item)) && !without.iter().any(|item| has(&texts, item))
                        })
                    };
                    let expected: Vec<i64> =
                        (1_i64..).zip(&rows).filter(|(_, row)| fits(row)).map(|(id, _)| id).collect();
                    let words = typed(&asked);
                    prop_assert_eq!(found(&words, &db).await, expected, "{}", words);
                }
                Ok(())
            })?;
        });
    });
}

/// Texts made of what means something to one of the engines.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "rust",
            "commit",
            "OR ",
            " ",
            "\"",
            "'",
            "-",
            "+",
            "*",
            ":*",
            "(",
            ")",
            "&",
            "|",
            "!",
            "<->",
            "NOT ",
            "AND ",
            "NEAR(",
            "~",
            "@8",
            "<",
            ">",
            "\\",
            "%",
            "title:",
            "^",
            "{",
            "}",
            "$1",
            "?",
            ";--",
            "\u{0}",
            "\u{301}",
            "\u{24d0}",
            "数据库",
            "ﬁ",
            "\u{202e}\u{feff}",
            "of ",
            "x",
            "1e5 ",
            "😀",
        ])
        .prop_map(str::to_owned),
        "(?s).{0,12}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

async fn any_text_is_a_search(engine: Engine) {
    let db = papers(engine).await;
    let runtime = Handle::current();
    let cases = if db.dialect() == Dialect::Sqlite { 400 } else { 150 };
    tokio::task::block_in_place(|| {
        proptest!(ProptestConfig::with_cases(cases), |(text in text(), body in text())| {
            runtime.block_on(async {
                let best = Paper::query().search(&*text).all(&db).await.unwrap_or_else(|fault| panic!("{text:?}: {}", fault.report()));
                prop_assert_eq!(best.len() as u64, Paper::filter(|p| p.matches(&*text)).count(&db).await.unwrap());
                // As a text of a row it does no harm either. PostgreSQL holds no NUL.
                let holds = |letter: &char| *letter != '\u{0}' || db.dialect() != Dialect::Postgres;
                let body: String = body.chars().filter(holds).collect();
                let row = NewPaper { title: "hostile".into() }.body(body).insert(&db).await.unwrap();
                prop_assert_eq!(found("hostile", &db).await, vec![row.id]);
                row.delete(&db).await.unwrap();
                prop_assert_eq!(found("hostile", &db).await, Vec::<i64>::new());
                Ok(())
            })?;
        });
    });
    // Long ones too.
    for text in [
        "x".repeat(1_000_000),
        "rust ".repeat(100_000),
        "rust OR ".repeat(100_000),
        "\"a b\" -c ".repeat(50_000),
    ] {
        Paper::query().search(text).all(&db).await.unwrap();
    }
}
