//! `cargo xtask bench build`: how long a user waits for the compiler.
//!
//! Works on a copy of the checkout, so that editing a handler edits nothing of yours, with target folders of its own,
//! so that a cold build is cold. Downloads are not part of what is measured: dependencies are fetched before. The
//! application of fifty models is written into the copy by [`fifty`].

mod fifty;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    bench::report::{self, Budget, median},
    outcome::Result,
    process::{self, Show},
    workspace::{self, Workspace},
};

/// What is built, and how long that may take on two processors.
struct Subject {
    name: &'static str,
    arguments: &'static [&'static str],
    /// `None` where only the rebuild is promised.
    cold_seconds: Option<f64>,
    edit: Option<Edit>,
}

/// A handler that is edited before a rebuild.
struct Edit {
    /// A source file, or a folder in which the first file with a handler is taken.
    place: &'static str,
    seconds: f64,
}

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "hello",
        arguments: &["--package", "hello"],
        cold_seconds: Some(45.0),
        edit: Some(Edit { place: "examples/hello/src", seconds: 1.5 }),
    },
    Subject {
        name: "SQLite API (conduit)",
        arguments: &["--package", "conduit"],
        cold_seconds: Some(90.0),
        edit: Some(Edit { place: "examples/conduit/src", seconds: 4.0 }),
    },
    Subject {
        name: "everything",
        arguments: &["--package", "mainstay", "--all-features"],
        cold_seconds: Some(240.0),
        edit: None,
    },
    Subject {
        name: "fifty models",
        arguments: &["--package", "fifty"],
        cold_seconds: None,
        edit: Some(Edit { place: "examples/fifty/src", seconds: 10.0 }),
    },
];

/// A build that takes longer than this will not get any better.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

pub(crate) fn run(rounds: u64, only: &[String]) -> Result<Vec<Budget>> {
    let workspace = Workspace::load()?;
    let place = workspace.target.join("xtask/build-bench");
    let copy = copy(&workspace, &place.join("checkout"))?;
    fifty::write(&copy)?;
    let mut fetch = workspace::cargo();
    fetch.current_dir(&copy).arg("fetch");
    process::output(fetch)?;

    let mut budgets = Vec::new();
    let mut rows = vec![vec![String::new(), "cold s".into(), "after one edit s".into()]];
    let chosen = |name: &str| only.is_empty() || only.iter().any(|part| name.contains(part.as_str()));
    for subject in SUBJECTS.iter().filter(|subject| chosen(subject.name)) {
        let target = place.join("target");
        let _none_yet = std::fs::remove_dir_all(&target);
        let cold = build(&copy, &target, subject)?;
        println!("{}: cold build in {cold:.1} s", subject.name);
        budgets.extend(subject.cold_seconds.map(|limit| Budget {
            what: format!("cold debug build of {}", subject.name),
            measured: cold,
            limit,
            unit: " s",
        }));
        let mut row = vec![subject.name.to_owned(), format!("{cold:.1}"), "-".to_owned()];
        if let Some(edit) = &subject.edit {
            let handler = handler_file(&copy.join(edit.place))?;
            let mut times = Vec::new();
            for round in 0..rounds {
                edit_handler(&handler, round)?;
                times.push(build(&copy, &target, subject)?);
            }
            let again = median(times);
            println!("{}: rebuild after one handler edit in {again:.2} s", subject.name);
            row[2] = format!("{again:.2}");
            budgets.push(Budget {
                what: format!("rebuild of {} after one handler edit", subject.name),
                measured: again,
                limit: edit.seconds,
                unit: " s",
            });
        }
        rows.push(row);
        std::fs::remove_dir_all(&target)?;
    }
    print!("\n{}", report::table(&rows));
    Ok(budgets)
}

/// Copies what is under version control, or about to be.
fn copy(workspace: &Workspace, to: &Path) -> Result<PathBuf> {
    let _none_yet = std::fs::remove_dir_all(to);
    for file in workspace.files()? {
        let target = to.join(&file);
        std::fs::create_dir_all(target.parent().ok_or("a file without a folder")?)?;
        std::fs::copy(workspace.root.join(&file), target)?;
    }
    Ok(to.to_owned())
}

fn build(checkout: &Path, target: &Path, subject: &Subject) -> Result<f64> {
    let mut command: Command = workspace::cargo();
    command.current_dir(checkout).env("CARGO_TARGET_DIR", target);
    // What a user's shell has, whatever continuous integration sets.
    command.env_remove("CARGO_INCREMENTAL").arg("build").args(subject.arguments);
    let start = Instant::now();
    let ended = process::run(command, Show::Captured, DEADLINE)?;
    if !ended.success() {
        return Err(format!("{} does not build:\n{}", subject.name, ended.tail(30)).into());
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The first source file below a folder that has a handler.
fn handler_file(folder: &Path) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && insertion(&std::fs::read_to_string(&path)?).is_some()
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().next().ok_or_else(|| format!("no handler below {}", folder.display()).into())
}

/// Changes the code of the first handler: what others see of it stays the same.
fn edit_handler(file: &Path, round: u64) -> Result<()> {
    let mut text = std::fs::read_to_string(file)?;
    let (at, addition) = match insertion(&text).ok_or("the handler is gone")? {
        Insertion::Statement(at) => (at, format!("\n    std::hint::black_box({round}u64);")),
        Insertion::Text(at) => (at, format!("{round} ")),
    };
    text.insert_str(at, &addition);
    std::fs::write(file, text)?;
    Ok(())
}

/// Where the first handler can be edited.
#[derive(Debug, PartialEq, Eq)]
enum Insertion {
    /// At the beginning of the body of a function.
    Statement(usize),
    /// At the beginning of the text that a closure answers.
    Text(usize),
}

fn insertion(text: &str) -> Option<Insertion> {
    let attributes = ["#[get(", "#[post(", "#[put(", "#[delete("].iter().filter_map(|name| text.find(name));
    let Some(attribute) = attributes.min() else {
        let closure = "async || \"";
        return text.find(closure).map(|at| Insertion::Text(at + closure.len()));
    };
    // Behind the brace that ends the line of its `fn`.
    let function = attribute + text[attribute..].find("fn ")?;
    Some(Insertion::Statement(function + text[function..].find(" {\n")? + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_handler_whether_function_or_closure() {
        let function = "struct A {\n}\n#[get(\"/\")]\nasync fn hello(a: A) -> Page {\n    page()\n}\n";
        let Some(Insertion::Statement(at)) = insertion(function) else { panic!("no handler") };
        assert!(function[..at].ends_with("-> Page {"), "{}", &function[..at]);
        let closure = "Route::new(Method::GET, \"/\", async || \"Hello\")";
        let Some(Insertion::Text(at)) = insertion(closure) else { panic!("no handler") };
        assert_eq!(&closure[at..], "Hello\")");
        assert_eq!(insertion("fn main() {\n}"), None);
    }
}
