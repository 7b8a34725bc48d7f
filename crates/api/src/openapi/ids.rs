//! What operations are called.
//!
//! An id is the handler's name. Handlers that share one all have more in theirs, so that the id of none depends on which of them
//! is found first: `articles_list` and `tags_list`, by tag; where that is not enough, by path; where that is not, by method.

use std::collections::{BTreeMap, BTreeSet};

use super::{Listed, method};

/// The id of each.
pub(super) fn of(listed: &[Listed<'_>]) -> Vec<String> {
    let candidates: Vec<_> = listed.iter().map(candidates).collect();
    let mut owners: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, names) in candidates.iter().enumerate() {
        for name in names {
            owners.entry(name).or_default().insert(at);
        }
    }
    let is_own = |name: &String| owners.get(name.as_str()).is_some_and(|owners| owners.len() == 1);
    let mut taken = BTreeSet::new();
    let chosen = candidates.iter().map(|names| {
        let own = names.iter().find(|name| is_own(name)).or(names.last()).cloned().unwrap_or_default();
        // The same method of the same path twice is refused before there is a document; an id of its own it has all the same.
        let numbered = (2_u64..).map(|count| format!("{own}_{count}"));
        let id =
            std::iter::once(own.clone()).chain(numbered).find(|id| !taken.contains(id)).unwrap_or_default();
        taken.insert(id.clone());
        id
    });
    chosen.collect()
}

/// From the shortest to the one that must be its own.
fn candidates(listed: &Listed<'_>) -> Vec<String> {
    let name = &listed.operation.name;
    let path = words(&listed.operation.path);
    let tag = listed.tags().next().map(|tag| format!("{}_{name}", words(tag).to_lowercase()));
    let tag = tag.filter(|longer| !longer.starts_with('_'));
    let by_path = if path.is_empty() { name.clone() } else { format!("{name}_{path}") };
    let by_method = format!("{by_path}_{}", method(listed));
    std::iter::once(name.clone()).chain(tag).chain([by_path, by_method]).collect()
}

fn words(text: &str) -> String {
    let words = text.split(|ch: char| !ch.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}
