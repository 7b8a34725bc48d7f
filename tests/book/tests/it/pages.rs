//! Every page is in the table of contents, and its snippets are run.

use std::collections::BTreeSet;

use crate::{read, root};

fn files() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root("docs/src")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect()
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = read("docs/src/SUMMARY.md");
    let listed: BTreeSet<_> =
        summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect();
    assert_eq!(listed, files());
}

#[test]
fn the_snippets_of_every_page_are_run() {
    assert_eq!(book::PAGES.iter().map(|page| (*page).to_owned()).collect::<BTreeSet<_>>(), files());
}

#[test]
fn no_snippet_is_left_out() {
    for page in files() {
        let text = read(&format!("docs/src/{page}"));
        for (number, line) in text.lines().enumerate() {
            let left_out = line.starts_with("```rust") && line.contains("ignore");
            assert!(!left_out, "docs/src/{page}:{}: every snippet is compiled", number + 1);
        }
    }
}

#[test]
fn the_models_are_those_that_the_page_shows() {
    let (page, code) = (read("docs/src/models.md"), read("tests/book/src/blog.rs"));
    let shown = page.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    let models = shown.split_once("\n\n").unwrap().1;
    assert!(
        code.contains(models),
        "tests/book/src/blog.rs is to repeat the first snippet of docs/src/models.md"
    );
}
