//! Links from one file of the repository to another: a tour that leads nowhere is worse than none.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use crate::{
    outcome::{Outcome, Result},
    test::Context,
};

pub(crate) fn check(context: &Context) -> Result<Outcome> {
    let root = &context.workspace.root;
    let mut failures = Vec::new();
    let mut checked = 0;
    for file in context.workspace.files()? {
        if file.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(&file))?;
        for Link { line, target } in links(&text) {
            checked += 1;
            if let Some(why) = broken(root, &file, target) {
                failures.push(format!("{}:{line}: {target}: {why}", file.display()));
            }
        }
    }
    let mut outcome = Outcome::check(failures);
    outcome.notes.push(format!("{checked} links between files checked"));
    Ok(outcome)
}

struct Link<'a> {
    line: usize,
    target: &'a str,
}

/// Every `[text](target)` outside code that is neither an address on the internet nor a mail address.
fn links(text: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // The parts between back-quotes are code; those at even places are prose.
        for prose in line.split('`').step_by(2) {
            let targets = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
            links.extend(
                targets.filter(|target| is_file(target)).map(|target| Link { line: number + 1, target }),
            );
        }
    }
    // A link whose text is code: `[`name`](target)` ends in the prose after the back-quote, so it is found as well.
    links
}

fn is_file(target: &str) -> bool {
    !(target.is_empty() || target.starts_with('/') || target.contains("://") || target.starts_with("mailto:"))
}

fn broken(root: &Path, from: &Path, target: &str) -> Option<&'static str> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file = match path {
        "" => from.to_owned(),
        path => normal(&from.parent().unwrap_or(Path::new("")).join(path))?,
    };
    let file = root.join(file);
    if !file.exists() {
        return Some("no such file");
    }
    let anchor = anchor.filter(|_| file.extension().is_some_and(|extension| extension == "md"))?;
    let text = std::fs::read_to_string(&file).ok()?;
    (!anchors(&text).contains(anchor)).then_some("no heading with this anchor")
}

/// Resolves `..` by name. `None` when it leaves the repository, which cannot be checked.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => normal.pop().then_some(())?,
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    Some(normal)
}

/// The anchors that renderers give to headings: lower case, punctuation dropped, spaces to hyphens.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_in_prose_only() {
        let text =
            "See [a](a.md) and [`b`](b/c.rs#L3), [x](https://x.org).\n```\n[no](no.md)\n```\n`[no](no.md)`\n";
        let found: Vec<_> = links(text).into_iter().map(|link| (link.line, link.target)).collect();
        assert_eq!(found, [(1, "a.md"), (1, "b/c.rs#L3")]);
    }

    #[test]
    fn follows_files_and_headings() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let from = Path::new("xtask/src/main.rs");
        assert_eq!(broken(&root, from, "../Cargo.toml"), None);
        assert_eq!(broken(&root, from, "../../Cargo.toml"), None);
        assert_eq!(broken(&root, from, "nowhere.rs"), Some("no such file"));
    }

    #[test]
    fn makes_the_anchors_that_renderers_make() {
        assert!(anchors("## Start, check & stop\n").contains("start-check--stop"));
    }
}
