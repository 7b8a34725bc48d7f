//! The chapter on security keeps up with the code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::{read, root};

/// Every file below a folder whose name ends so.
fn files(folder: &Path, end: &str, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, end, into);
        } else if path.to_string_lossy().ends_with(end) {
            into.push(path);
        }
    }
}

/// The files of all crates below this folder of each.
fn of_crates(folder: &str, end: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root("crates")).unwrap().map(Result::unwrap) {
        let folder = entry.path().join(folder);
        if folder.is_dir() {
            files(&folder, end, &mut found);
        }
    }
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Whether a text is the id of a warning: `http.W010`.
fn is_warning(text: &str) -> bool {
    text.split_once(".W").is_some_and(|(name, number)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[test]
fn every_warning_is_in_the_table_and_nothing_else_is() {
    let code = of_crates("src", ".rs");
    let of_examples = |line: &&str| !line.trim_start().starts_with("//");
    let known: BTreeSet<&str> = code
        .iter()
        .flat_map(|(_, text)| {
            text.lines().filter(of_examples).flat_map(|line| line.split('"').skip(1).step_by(2))
        })
        .filter(|text| is_warning(text))
        .collect();
    assert!(known.len() > 30, "{known:?}");
    let page = read("docs/src/security.md");
    let told: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|id| is_warning(id))
        .collect();
    let once: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(told.len(), once.len(), "one stands twice");
    assert_eq!(known.difference(&once).collect::<Vec<_>>(), [&""; 0], "missing in docs/src/security.md");
    assert_eq!(
        once.difference(&known).collect::<Vec<_>>(),
        [&""; 0],
        "in docs/src/security.md, and nowhere else"
    );
}

#[test]
fn every_form_of_a_built_in_page_proves_that_it_is_ours() {
    let views = of_crates("views", ".html");
    let mut forms = 0;
    for (path, text) in &views {
        for form in text.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if !form.starts_with(" method=\"post\"") {
                continue;
            }
            forms += 1;
            let head = form.find('>').unwrap();
            let first = form[head + 1..].trim_start();
            assert!(
                first.starts_with("{{ csrf_field() }}"),
                "{}: a form without `csrf_field()` in front: {form}",
                path.display()
            );
        }
    }
    assert!(forms >= 5, "{forms}");
}
