//! "Did you mean …?"

/// The candidate that `word` most likely was meant to be, if one is near enough to be worth saying.
///
/// ```
/// use mainstay_core::config::nearest;
///
/// assert_eq!(nearest("prot", ["host", "port"]), Some("port"));
/// assert_eq!(nearest("colour", ["host", "port"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let word = plain(word);
    // A third of the word may be wrong, and always one letter: `prot` is `port`, and `hos` is `host`.
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| {
            // `timeout` for `request_timeout`, but never one letter for whatever contains it.
            *distance <= limit || (word.len() > 3 && plain(candidate).contains(&word))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What a message about `word` ends with: what most likely was meant, if anything was.
///
/// ```
/// use mainstay_core::config::did_you_mean;
///
/// assert_eq!(did_you_mean("prot", ["host", "port"]), ": did you mean `port`?");
/// assert_eq!(did_you_mean("colour", ["host", "port"]), "");
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default()
}

/// "did you mean `port`? The keys are: host, port" or just the list.
pub(super) fn suggest<'a>(
    word: &str,
    what: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let mut list: Vec<&str> = known.clone().into_iter().collect();
    list.sort_unstable();
    let list = if list.is_empty() { "(none)".to_owned() } else { list.join(", ") };
    match nearest(word, known) {
        Some(meant) => format!("did you mean `{meant}`? {what}: {list}"),
        None => format!("{what}: {list}"),
    }
}
