//! The rules of the house that a program can check: where modules live and how long a file may grow.

use std::path::Path;

use crate::{
    outcome::{Outcome, Result},
    test::Context,
};

/// At this length a source file has to explain itself, in a line that starts with [`REASON`].
const LONGEST: usize = 600;
const REASON: &str = "// Long because ";

pub(crate) fn check(context: &Context) -> Result<Outcome> {
    let mut failures = Vec::new();
    for file in context.workspace.files()? {
        if file.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(context.workspace.root.join(&file))?;
            failures
                .extend(complaints(&file, &text).into_iter().map(|why| format!("{}: {why}", file.display())));
        }
    }
    Ok(Outcome::check(failures))
}

fn complaints(file: &Path, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if file.ends_with("mod.rs") {
        complaints.push("a module `foo` is `foo.rs` beside `foo/`, never `foo/mod.rs`".to_owned());
    }
    let lines = text.lines().count();
    if lines > LONGEST && !text.lines().any(|line| line.trim_start().starts_with(REASON)) {
        complaints.push(format!(
            "{lines} lines, more than {LONGEST}: split it by theme, or say why not in a line `{REASON}…`"
        ));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_must_explain_itself() {
        let long = "//! x\n".repeat(LONGEST + 1);
        assert_eq!(complaints(Path::new("src/a.rs"), &long).len(), 1);
        assert!(complaints(Path::new("src/a.rs"), &format!("{REASON}it is a table.\n{long}")).is_empty());
        assert!(complaints(Path::new("src/a.rs"), "//! short").is_empty());
    }

    #[test]
    fn refuses_mod_rs() {
        assert_eq!(complaints(Path::new("src/a/mod.rs"), "").len(), 1);
    }
}
