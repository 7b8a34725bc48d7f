//! Migration files: as people read and write them, and what is said of a mistake.

use mainstay_db::migrate::{History, Migration};
use mainstay_db::schema::Schema;

fn read(text: &str) -> Result<Migration, String> {
    Migration::read("migrations/0002_x.toml", "0002_x", text).map_err(|mistake| mistake.to_string())
}

fn named(name: &str, after: &[&str], steps: &str) -> Migration {
    let after: Vec<String> = after.iter().map(|name| format!("{name:?}")).collect();
    let text = format!("after = [{}]\n{steps}", after.join(", "));
    Migration::read(&format!("migrations/{name}.toml"), name, &text).unwrap()
}

const EVERYTHING: &str = r#"after = "0001_initial"

# Somebody wrote a remark.
[[operations]]
create_table = "tags"
columns = [
    { name = "id", type = "bigint", generated = true },
    { name = "name", type = "text(60)", one_of = ["a", "b\"c"], min_length = 1 },
    { name = "price", type = "decimal(12, 2)", min = "0", max = "9.5", nullable = true, default_sql = "0" },
]
primary_key = ["id"]
indexes = [{ name = "tags_name_key", columns = ["name"], unique = true, where = "price > 0" }]
foreign_keys = [{ name = "f", columns = ["id"], to = "tags", keys = ["id"], on_delete = "set_null" }]
checks = [{ name = "c", sql = "price <> 1" }]

[[operations]]
add_column = "tags.subtitle"
type = "text"
fill = "it's"

[[operations]]
alter_column = "tags.subtitle"
type = "text(200)"
nullable = true

[[operations]]
add_index = "tags"
name = "tags_lower"
expression = "lower(name)"
concurrently = true

[[operations]]
rename_column = "tags.subtitle"
to = "second"

[[operations]]
add_index = "tags"
name = "tags_search"
columns = ["name", "second"]
search = "english"

[[operations]]
run_sql = "fill the second"
up = "UPDATE tags SET second = name"
down.postgres = "SELECT 1"
down.all = ""

[[operations]]
run = "backfill"
reversible = true

[[operations]]
drop_table = "tags"
"#;

#[test]
fn a_file_reads_and_its_sum_does_not_depend_on_how_it_is_written() {
    let migration = read(EVERYTHING).unwrap();
    assert_eq!(migration.after, ["0001_initial"]);
    let lines: Vec<String> =
        migration.operations.iter().map(|step| format!("{} {}", step.line, step.operation)).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    5 create table tags (id, name, price)
    17 add column tags.subtitle (text)
    22 alter column tags.subtitle (text(200), may be NULL)
    27 add index tags_lower on tags (lower(name)), concurrently
    33 rename column tags.subtitle to second
    37 add search tags_search on tags (name, second)
    43 run SQL: fill the second
    49 run the function backfill
    53 drop table tags
    ");
    let spaced =
        EVERYTHING.replace("# Somebody wrote a remark.", "\n\n#\n").replace("type = \"text\"", "type='text'");
    assert_eq!(read(&spaced).unwrap().checksum(), migration.checksum());
    let other = EVERYTHING.replace("it's", "its");
    assert_ne!(read(&other).unwrap().checksum(), migration.checksum());
}

#[test]
fn says_file_and_line_of_every_mistake() {
    let fault = |from: &str, to: &str| read(&EVERYTHING.replace(from, to)).unwrap_err();
    for (from, to, expected) in [
        (
            "nullable = true\n",
            "nulable = true\n",
            "migrations/0002_x.toml:24: unknown key `nulable`; known here: ",
        ),
        ("type = \"text\"\n", "type = \"txt\"\n", "migrations/0002_x.toml:18: `txt` is no type"),
        ("to = \"second\"", "", "migrations/0002_x.toml:33: `to` is missing"),
        ("reversible = true", "", "migrations/0002_x.toml:49: say how this is undone"),
        (
            "\"tags.subtitle\"\ntype = \"text\"\n",
            "\"subtitle\"\n",
            "`subtitle` names no column: write \"table.column\"",
        ),
        (
            "drop_table",
            "drop_tabel",
            "migrations/0002_x.toml:53: an operation begins with one of: create_table",
        ),
        ("set_null", "nullify", "migrations/0002_x.toml:13: `on_delete` is no_action, restrict"),
        (
            "\"english\"",
            "\"klingon\"",
            "migrations/0002_x.toml:40: `klingon` is no language of a search; there are simple, ",
        ),
        (
            "search = \"english\"",
            "search = \"english\"\nunique = true",
            "migrations/0002_x.toml:37: a search has `name`",
        ),
        ("after =", "after", "migrations/0002_x.toml:1: this is not TOML"),
        ("after =", "<<<<<<< HEAD\nafter =", "migrations/0002_x.toml:1: git has left a conflict here"),
    ] {
        let fault = fault(from, to);
        assert!(fault.contains(expected), "{expected}\n---\n{fault}");
    }
}

#[test]
fn a_step_that_does_not_fit_is_found_with_its_line() {
    let history =
        History::of(vec![named("0001_initial", &[], "[[operations]]\n\ndrop_column = \"tags.name\"\n")])
            .unwrap();
    let fault = history.schema(&Schema::default()).unwrap_err();
    assert_eq!(fault.to_string(), "migrations/0001_initial.toml:4: there is no table `tags`");
}

#[test]
fn two_branches_are_found_and_a_merge_joins_them() {
    let one = named("0001_initial", &[], "");
    let (left, right) =
        (named("0002_left", &["0001_initial"], ""), named("0002_right", &["0001_initial"], ""));
    let history = History::of(vec![right.clone(), left.clone(), one.clone()]).unwrap();
    let tangle = history.refuse_branches().unwrap_err();
    assert_eq!(
        tangle.to_string(),
        "`0002_left` and `0002_right` do not come after one another: two branches have made migrations"
    );
    assert_eq!(tangle.fix(), "cargo run -- makemigrations --merge");
    let merge = named("0003_merge", &["0002_left", "0002_right"], "");
    let history = History::of(vec![merge, right, left, one]).unwrap();
    history.refuse_branches().unwrap();
    let names: Vec<&str> = history.migrations().iter().map(|migration| migration.name.as_str()).collect();
    assert_eq!(names, ["0001_initial", "0002_left", "0002_right", "0003_merge"]);
    assert_eq!(history.within("0002_left"), ["0002_left", "0001_initial"]);
}

#[test]
fn a_missing_file_and_a_circle_are_found() {
    let lost = History::of(vec![named("0002_b", &["0001_a"], "")]).unwrap_err();
    assert_eq!(lost.to_string(), "migrations/0002_b.toml: it comes after `0001_a`, which is not there");
    let circle = History::of(vec![named("0001_a", &["0002_b"], ""), named("0002_b", &["0001_a"], "")]);
    assert!(circle.unwrap_err().to_string().contains("in a circle: 0001_a, 0002_b"));
}
