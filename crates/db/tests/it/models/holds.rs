//! What an engine cannot hold is said before it is asked.

use mainstay_db::Dialect::{self, MariaDb, MySql, Postgres, Sqlite};
use mainstay_db::meta::meta_of;
use mainstay_db::{Decimal, ModelMeta, model, schema};

use crate::blog;

/// With a little of everything that some engine lacks.
#[model]
#[unique(slug, where = "hidden = 0")]
#[index(expression = "lower(slug)")]
#[index(name_of_whoever_has_written_this_article_for_the_first_time_ever)]
struct Odd {
    id: i64,
    slug: String,
    hidden: i32,
    #[field(index)]
    bytes: Vec<u8>,
    #[field(precision = 80, scale = 2)]
    much: Decimal,
    any: Decimal,
    #[field(max_length = 9)]
    name_of_whoever_has_written_this_article_for_the_first_time_ever: String,
}

#[model]
#[index(hidden, name = "odds_bytes_idx")]
#[check(name = "twice", sql = "hidden > 0")]
#[check(name = "twice", sql = "hidden < 9")]
struct Even {
    id: i64,
    hidden: i32,
}

/// Searched in a way that no engine can, or some cannot.
#[model]
#[search(title, rank, loud, language = "klingon")]
struct Scroll {
    #[field(primary_key)]
    code: String,
    title: String,
    rank: String,
    #[field(generated = "upper(title)")]
    loud: String,
    scrolls_search: i64,
}

fn findings(models: &[&'static ModelMeta], dialect: Dialect) -> Vec<String> {
    let findings = schema::unsupported(models, dialect);
    assert!(findings.iter().all(|finding| finding.fix.is_some()));
    findings.iter().map(|finding| format!("{}: {}", finding.id, finding.message)).collect()
}

#[test]
fn says_what_each_engine_lacks() {
    let odd = [meta_of::<Odd>()];
    insta::assert_snapshot!("odd_mysql", findings(&odd, MySql).join("\n"));
    insta::assert_snapshot!("odd_mariadb", findings(&odd, MariaDb).join("\n"));
    insta::assert_snapshot!("odd_postgres", findings(&odd, Postgres).join("\n"));
    assert!(findings(&odd, Sqlite).is_empty());
}

#[test]
fn says_that_a_name_is_there_twice() {
    let both = findings(&[meta_of::<Odd>(), meta_of::<Even>()], Sqlite);
    assert_eq!(
        both,
        [
            "db.E025: there are two of the index `odds_bytes_idx`, the second one in `Even`",
            "db.E025: there are two of the check `twice`, the second one in `Even`"
        ]
    );
}

#[test]
fn a_model_for_every_engine_lacks_nothing() {
    for dialect in [Sqlite, Postgres] {
        assert!(findings(&blog::models(), dialect).is_empty());
    }
    let mysql = findings(&blog::models(), MySql);
    assert_eq!(mysql, ["db.E020: MySQL indexes texts of at most 768 characters, and `Tag.name` is indexed"]);
}

#[test]
fn says_what_cannot_be_searched() {
    let scroll = [meta_of::<Scroll>()];
    insta::assert_snapshot!("scroll_sqlite", findings(&scroll, Sqlite).join("\n"));
    insta::assert_snapshot!("scroll_postgres", findings(&scroll, Postgres).join("\n"));
    let fault = schema::create_table(scroll[0], Sqlite).unwrap_err().to_string();
    assert!(
        fault.contains("SQLite searches models with a key of one whole number, and `Scroll` has another"),
        "{fault}"
    );
    let sql = Scroll::query().search("any").to_sql(Sqlite);
    assert!(sql.contains("a key of one whole number"), "{sql}");
}
