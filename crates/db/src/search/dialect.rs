//! What is looked for, in each engine's language of searches. Words are letters and digits, so that nothing in them means
//! anything to an engine; what does, comes from here.

use super::words::{Alternative, Item, Words};
use crate::driver::Dialect;

/// The least letters of a word that InnoDB keeps by itself.
const LEAST_LETTERS: usize = 3;

/// The words that InnoDB leaves out by itself.
const STOP_WORDS: &[&str] = &[
    "about", "are", "com", "for", "from", "how", "that", "the", "this", "und", "was", "what", "when",
    "where", "who", "will", "with", "www",
];

impl Words {
    /// The search as the engine is given it.
    pub(crate) fn write(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Sqlite => fts5(self),
            Dialect::Postgres => tsquery(self),
            Dialect::MySql | Dialect::MariaDb => boolean(self),
        }
    }
}

/// FTS5: words in quotes, `"group commit"`, `"sqlit" *`. An empty phrase is found nowhere.
fn fts5(words: &Words) -> String {
    if words.alternatives.is_empty() {
        return "\"\"".to_owned();
    }
    let item = |item: &Item| {
        let star = if item.begins { " *" } else { "" };
        format!("\"{}\"{star}", item.words.join(" "))
    };
    let alternative = |alternative: &Alternative| {
        let with = joined(&alternative.with, item, " AND ");
        match alternative.without.as_slice() {
            [] => format!("({with})"),
            without => format!("(({with}) NOT ({}))", joined(without, item, " OR ")),
        }
    };
    joined(&words.alternatives, alternative, " OR ")
}

/// `to_tsquery`: words in quotes, `'group' <-> 'commit'`, `'sqlit':*`. Nothing is found nowhere.
fn tsquery(words: &Words) -> String {
    let item = |item: &Item| {
        let star = if item.begins { ":*" } else { "" };
        format!("({})", joined(&item.words, |word| format!("'{word}'{star}"), " <-> "))
    };
    let alternative = |alternative: &Alternative| {
        let without = alternative.without.iter().map(|without| format!("!{}", item(without)));
        let all: Vec<_> = alternative.with.iter().map(item).chain(without).collect();
        format!("({})", all.join(" & "))
    };
    joined(&words.alternatives, alternative, " | ")
}

/// MySQL's boolean mode: `+rust`, `+"group commit"`, `+sqlit*`, `-mysql`. Nothing is found nowhere.
fn boolean(words: &Words) -> String {
    let item = |item: &Item| match item.words.as_slice() {
        [word] if item.begins => format!("{word}*"),
        words => format!("\"{}\"", words.join(" ")),
    };
    let alternative = |alternative: &Alternative| {
        // A word that the index does not keep would empty the result: it is asked for, and not demanded.
        let with = alternative
            .with
            .iter()
            .map(|with| format!("{}{}", if is_kept(with) { "+" } else { "" }, item(with)));
        let without = alternative.without.iter().map(|without| format!("-{}", item(without)));
        format!("({})", with.chain(without).collect::<Vec<_>>().join(" "))
    };
    joined(&words.alternatives, alternative, " ")
}

/// Whether InnoDB, set up as it is by itself, has one of the words in its index.
fn is_kept(item: &Item) -> bool {
    let is_kept = |word: &String| {
        word.chars().count() >= LEAST_LETTERS && !STOP_WORDS.contains(&word.to_ascii_lowercase().as_str())
    };
    item.begins || item.words.iter().any(is_kept)
}

fn joined<T>(items: &[T], write: impl Fn(&T) -> String, between: &str) -> String {
    items.iter().map(write).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_is_asked_in_its_own_words() {
        let words = Words::read("\"group commit\" of sqlit* -mysql -go OR rust");
        assert_eq!(
            words.write(Dialect::Sqlite),
            r#"(("group commit" AND "of" AND "sqlit" *) NOT ("mysql" OR "go")) OR ("rust")"#
        );
        assert_eq!(
            words.write(Dialect::Postgres),
            "(('group' <-> 'commit') & ('of') & ('sqlit':*) & !('mysql') & !('go')) | (('rust'))"
        );
        assert_eq!(
            words.write(Dialect::MariaDb),
            r#"(+"group commit" "of" +sqlit* -"mysql" -"go") (+"rust")"#
        );
        let nothing = Words::read("-go");
        assert_eq!(nothing.write(Dialect::Sqlite), "\"\"");
        assert_eq!(nothing.write(Dialect::Postgres), "");
        assert_eq!(nothing.write(Dialect::MySql), "");
    }
}
