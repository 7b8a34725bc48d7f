//! The languages of words.
//!
//! PostgreSQL brings words to their stems in each of these, and passes over those that say nothing (`the`). SQLite knows the
//! stems of English alone, and MySQL none; there, words of other languages are taken as they are.

/// What takes words as they are: the language of a search that names none.
pub const NONE: &str = "simple";

/// English, whose stems SQLite knows too.
pub const ENGLISH: &str = "english";

/// Those that PostgreSQL has by itself, since version 14.
pub const KNOWN: &[&str] = &[
    NONE,
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "danish",
    "dutch",
    ENGLISH,
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "yiddish",
];

/// Whether there is such a language.
pub fn is_known(language: &str) -> bool {
    KNOWN.contains(&language)
}

/// Whether its stems are found by the accents of words, which are taken off otherwise: `café` is found by `cafe`.
pub(crate) fn needs_accents(language: &str) -> bool {
    !matches!(language, NONE | ENGLISH)
}
