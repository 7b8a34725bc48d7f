//! What the differ asks, what it is told, and what it warns of.

use std::collections::HashMap;

use mainstay_db::migrate::decide::{Ask, Question};
use mainstay_db::migrate::operation::{Backfill, Operation};
use mainstay_db::migrate::{Decisions, danger, diff};
use mainstay_db::schema::{Column, ColumnType, Index, Schema, Table};

fn posts(columns: &[(&str, ColumnType)]) -> Schema {
    let mut table = Table { name: "posts".into(), primary_key: vec!["id".into()], ..Table::default() };
    table.columns.push(Column { generated: true, ..Column::new("id", ColumnType::BigInt) });
    table.columns.extend(columns.iter().map(|(name, kind)| Column::new(*name, kind.clone())));
    Schema { tables: vec![table] }
}

fn lines(steps: &[Operation]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

fn words(open: &[diff::Undecided]) -> String {
    open.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const TEXT: ColumnType = ColumnType::Text(None);

#[test]
fn does_not_guess_whether_a_column_was_renamed() {
    let (from, to) = (posts(&[("name", TEXT)]), posts(&[("title", TEXT)]));
    let open = diff::diff(&from, &to, &mut Decisions::default()).unwrap_err();
    let text = words(&open);
    for expected in [
        "the column `posts.name` is gone and `posts.title` is new. Has it been renamed, and keeps its values, or is it dropped?",
        "#[renamed_from(name)] above the field, or makemigrations --rename posts.name=title",
        "makemigrations --no-rename",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
}

#[test]
fn takes_a_new_name_from_the_model_or_the_command_line_or_the_terminal() {
    struct Yes;
    impl Ask for Yes {
        fn renamed(&mut self, _: Question<'_>) -> Option<bool> {
            Some(true)
        }
        fn fill(&mut self, _: &str, _: &Column) -> Option<String> {
            None
        }
    }
    let (from, to) = (posts(&[("name", TEXT)]), posts(&[("title", TEXT)]));
    let hinted = Decisions {
        columns: HashMap::from([(("posts".to_owned(), "title".to_owned()), "name".to_owned())]),
        ..Decisions::default()
    };
    let said = Decisions {
        renames: HashMap::from([("posts.name".to_owned(), "title".to_owned())]),
        ..Decisions::default()
    };
    let mut yes = Yes;
    let asked = Decisions { ask: Some(&mut yes), ..Decisions::default() };
    for mut decisions in [hinted, said, asked] {
        let steps = diff::diff(&from, &to, &mut decisions).unwrap();
        assert_eq!(lines(&steps), ["rename column posts.name to title"]);
    }
}

#[test]
fn a_renamed_table_takes_its_indexes_with_it() {
    let mut from = posts(&[("slug", TEXT)]);
    from.tables[0].indexes.push(Index::over("posts", vec!["slug".into()], true));
    let mut to = from.clone();
    to.tables[0].name = "articles".into();
    to.tables[0].indexes = vec![Index::over("articles", vec!["slug".into()], true)];
    let mut decisions =
        Decisions { tables: HashMap::from([("articles".into(), "posts".into())]), ..Decisions::default() };
    let steps = diff::diff(&from, &to, &mut decisions).unwrap();
    assert_eq!(lines(&steps), ["rename table posts to articles"]);
    let text = words(&diff::diff(&from, &to, &mut Decisions::default()).unwrap_err());
    assert!(text.contains("makemigrations --rename posts=articles"), "{text}");
}

#[test]
fn asks_what_rows_get_in_a_column_that_must_have_a_value() {
    let (from, to) = (posts(&[]), posts(&[("views", ColumnType::Int)]));
    let text = words(&diff::diff(&from, &to, &mut Decisions::default()).unwrap_err());
    assert!(text.contains("makemigrations --fill posts.views=0"), "{text}");
    let mut decisions = Decisions {
        fills: HashMap::from([("posts.views".into(), Backfill::Int(1))]),
        ..Decisions::default()
    };
    let steps = diff::diff(&from, &to, &mut decisions).unwrap();
    assert!(matches!(&steps[..], [Operation::AddColumn { fill: Some(Backfill::Int(1)), .. }]), "{steps:?}");
}

#[test]
fn refuses_to_change_a_primary_key() {
    let mut to = posts(&[("slug", TEXT)]);
    let from = to.clone();
    to.tables[0].primary_key = vec!["slug".into()];
    let text = words(&diff::diff(&from, &to, &mut Decisions::default()).unwrap_err());
    assert!(text.contains("the primary key of `posts` changes from (id) to (slug)"), "{text}");
}

#[test]
fn warns_of_lost_data_and_of_locks() {
    let schema = posts(&[("title", ColumnType::Text(Some(200))), ("views", ColumnType::BigInt)]);
    let warned = |step: Operation| {
        let dangers = danger::dangers(&step, &schema);
        dangers.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let dropped = warned(Operation::DropColumn { table: "posts".into(), column: "title".into() });
    assert!(dropped.contains("data: the values of `posts.title` are lost"), "{dropped}");
    assert!(dropped.contains("SQLite: writes `posts` anew"), "{dropped}");

    let shorter = Column::new("title", ColumnType::Text(Some(100)));
    let altered = warned(Operation::AlterColumn { table: "posts".into(), column: shorter, fill: None });
    assert!(altered.contains("may have no more than 100 characters"), "{altered}");
    assert!(altered.contains("PostgreSQL: writes `posts` anew for the type of `title`"), "{altered}");
    assert!(altered.contains("MySQL: copies `posts`"), "{altered}");

    let wider = Column::new("title", ColumnType::Text(Some(300)));
    let altered = warned(Operation::AlterColumn { table: "posts".into(), column: wider, fill: None });
    assert!(!altered.contains("data:") && !altered.contains("PostgreSQL"), "{altered}");

    let index = Index::over("posts", vec!["title".into()], false);
    let indexed = warned(Operation::AddIndex { table: "posts".into(), index, build: Default::default() });
    assert!(indexed.contains("`concurrently = true` builds it beside them"), "{indexed}");

    let index = Index::searched("posts", vec!["title".into()], "english");
    let searched = warned(Operation::AddIndex { table: "posts".into(), index, build: Default::default() });
    assert!(searched.contains("PostgreSQL: writes `posts` anew, with the words of each row"), "{searched}");
    assert!(searched.contains("MySQL: copies `posts`, with the words of each row"), "{searched}");
    assert!(searched.contains("SQLite: reads all words of `posts`"), "{searched}");
    assert!(!searched.contains("SQLite: writes `posts` anew"), "{searched}");
}
