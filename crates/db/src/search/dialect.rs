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
    /// The search as the engine is given it: in one text, but for MySQL, which mixes up phrases of several alternatives. Then it
    /// is one text for each, as often as a power of two, so that there are few statements.
    pub(crate) fn write(&self, dialect: Dialect) -> Vec<String> {
        match dialect {
            Dialect::Sqlite => vec![fts5(self)],
            Dialect::Postgres => vec![tsquery(self)],
            Dialect::MySql | Dialect::MariaDb if self.alternatives.len() > 1 && self.has_phrase() => {
                let mut all: Vec<String> = self.alternatives.iter().map(boolean).collect();
                let last = all.last().cloned().unwrap_or_default();
                all.resize(all.len().next_power_of_two(), last);
                all
            }
            Dialect::MySql | Dialect::MariaDb => vec![joined(&self.alternatives, boolean, " ")],
        }
    }

    fn has_phrase(&self) -> bool {
        let is_phrase = |item: &Item| item.words.len() > 1;
        let has_phrase =
            |alternative: &Alternative| alternative.with.iter().chain(&alternative.without).any(is_phrase);
        self.alternatives.iter().any(has_phrase)
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

/// MySQL's boolean mode: `+rust`, `+"group commit"`, `+sqlit*`, `-(+mysql)`. Nothing is found nowhere.
///
/// MariaDB takes the star of `-sqlit*` for nothing when there is a phrase anywhere; not so when it stands in brackets.
fn boolean(alternative: &Alternative) -> String {
    let item = |item: &Item| match item.words.as_slice() {
        [word] if item.begins => format!("{word}*"),
        [word] => word.clone(),
        words => format!("\"{}\"", words.join(" ")),
    };
    // A word that the index does not keep would empty the result: it is asked for, and not demanded.
    let demand = |with: &Item| if is_kept(with) { "+" } else { "" };
    let with = alternative.with.iter().map(|with| format!("{}{}", demand(with), item(with)));
    let without = alternative.without.iter().map(|without| format!("-(+{})", item(without)));
    format!("({})", with.chain(without).collect::<Vec<_>>().join(" "))
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
            [r#"(("group commit" AND "of" AND "sqlit" *) NOT ("mysql" OR "go")) OR ("rust")"#]
        );
        assert_eq!(
            words.write(Dialect::Postgres),
            ["(('group' <-> 'commit') & ('of') & ('sqlit':*) & !('mysql') & !('go')) | (('rust'))"]
        );
        assert_eq!(
            words.write(Dialect::MariaDb),
            [r#"(+"group commit" of +sqlit* -(+mysql) -(+go))"#, "(+rust)"]
        );
        let words = Words::read("rust OR go lang OR \"c d\"");
        assert_eq!(words.write(Dialect::MySql), ["(+rust)", "(go +lang)", "(\"c d\")", "(\"c d\")"]);
        let words = Words::read("rust OR go lang");
        assert_eq!(words.write(Dialect::MySql), ["(+rust) (go +lang)"]);
        let nothing = Words::read("-go");
        assert_eq!(nothing.write(Dialect::Sqlite), ["\"\""]);
        assert_eq!(nothing.write(Dialect::Postgres), [""]);
        assert_eq!(nothing.write(Dialect::MySql), [""]);
    }
}
