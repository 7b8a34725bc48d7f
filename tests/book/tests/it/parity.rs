//! The list of parity tells the truth: what `works` names a test that is there.

use crate::{read, root};

struct Row {
    id: String,
    status: String,
    test: String,
}

fn rows() -> Vec<Row> {
    let text = read("docs/parity.md").replace("\\|", " ");
    let cells =
        text.lines().filter(|line| line.starts_with("| ")).map(|line| line.split('|').collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() == 7 && cells[3].trim() != "Status");
    rows.map(|cells| Row {
        id: cells[1].trim().to_owned(),
        status: cells[3].trim().to_owned(),
        test: cells[5].trim().to_owned(),
    })
    .collect()
}

/// The links of a cell: ``[`name`](path)``.
fn tests(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    cell.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        Some((name, rest.split_once(')')?.0))
    })
}

#[test]
fn every_row_has_a_known_status_and_is_there_once() {
    let rows = rows();
    assert_eq!(rows.len(), 203);
    let mut ids: Vec<_> = rows.iter().map(|row| &row.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), rows.len());
    for row in &rows {
        assert!(matches!(row.status.as_str(), "works" | "partly" | "planned"), "{}: {}", row.id, row.status);
    }
}

#[test]
fn what_works_or_partly_works_names_a_test_that_exists() {
    for row in rows() {
        let mut named = 0;
        for (name, path) in tests(&row.test) {
            let path = path.trim_start_matches("../");
            assert!(root(path).is_file(), "{}: no file {path}", row.id);
            assert!(read(path).contains(name), "{}: {path} has no `{name}`", row.id);
            named += 1;
        }
        assert_eq!(
            named > 0,
            row.status != "planned",
            "{} is {} and names {named} tests",
            row.id,
            row.status
        );
    }
}
