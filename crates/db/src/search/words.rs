//! What somebody looks for: from a text to a tree.

/// The most words that are looked for.
const MOST_WORDS: usize = 64;

/// The most letters of a word: MySQL keeps none that is longer than 84, and PostgreSQL refuses to look for one of 2,048 bytes.
const MOST_LETTERS: usize = 80;

/// What is looked for: one of the alternatives. None at all is found nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// What stands between the `OR`s.
    pub(super) alternatives: Vec<Alternative>,
}

/// What has to be there, at least one, and what may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) with: Vec<Item>,
    pub(super) without: Vec<Item>,
}

/// One word, or several that stand next to each other: never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) words: Vec<String>,
    /// Whether the one word is only the beginning of what is meant.
    pub(super) begins: bool,
}

/// What stands between spaces, or in quotes.
struct Piece<'a> {
    unwanted: bool,
    quoted: bool,
    text: &'a str,
}

impl Words {
    /// Reads any text.
    pub(crate) fn read(text: &str) -> Self {
        let mut alternatives = Vec::new();
        let mut open = Open::default();
        let mut room = MOST_WORDS;
        for piece in pieces(text) {
            if piece.text == "OR" && !piece.quoted && !piece.unwanted {
                alternatives.extend(std::mem::take(&mut open).close());
                continue;
            }
            let words: Vec<String> = words_of(piece.text).take(room).collect();
            room -= words.len();
            open.take(&piece, words);
        }
        alternatives.extend(open.close());
        Self { alternatives }
    }
}

/// An alternative that is being read.
#[derive(Default)]
struct Open {
    alternative: Alternative,
    /// It asks for a word that no index has.
    hopeless: bool,
}

impl Open {
    fn take(&mut self, piece: &Piece<'_>, mut words: Vec<String>) {
        let too_long = words.iter().any(|word| word.chars().count() > MOST_LETTERS);
        if words.is_empty() || too_long {
            self.hopeless |= too_long && !piece.unwanted;
            return;
        }
        let to = if piece.unwanted { &mut self.alternative.without } else { &mut self.alternative.with };
        let mut begins = !piece.quoted && piece.text.ends_with('*');
        if begins && words.len() > 1 {
            // `well-kno*`: no engine but some looks for the beginning of a word next to another.
            let last = words.pop().into_iter().collect();
            if !piece.unwanted {
                to.push(Item { words: last, begins });
            }
            begins = false;
        }
        to.push(Item { words, begins });
    }

    fn close(self) -> Option<Alternative> {
        Some(self.alternative).filter(|alternative| !self.hopeless && !alternative.with.is_empty())
    }
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let unwanted = rest.starts_with('-');
        if unwanted {
            rest = &rest[1..];
        }
        let (quoted, inside) = match rest.strip_prefix('"') {
            Some(inside) => (true, inside),
            None => (false, rest),
        };
        let ends = |letter: char| letter == '"' || (!quoted && letter.is_whitespace());
        let end = inside.find(ends).unwrap_or(inside.len());
        let text = &inside[..end];
        rest = &inside[end..];
        if quoted {
            rest = rest.strip_prefix('"').unwrap_or(rest);
        }
        Some(Piece { unwanted, quoted, text })
    })
}

/// The words of a text, without what stands between them. Nothing of what engines take for operators is left.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    let is_accent = |letter: char| ('\u{300}'..='\u{36f}').contains(&letter);
    let parts = text.split(move |letter: char| !letter.is_alphanumeric() && !is_accent(letter));
    parts.filter(move |part| part.contains(char::is_alphanumeric)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As one would write it again.
    fn shown(text: &str) -> String {
        let item = |item: &Item| {
            let star = if item.begins { "*" } else { "" };
            format!("{}{star}", item.words.join("_"))
        };
        let alternative = |alternative: &Alternative| {
            let with = alternative.with.iter().map(item);
            let without = alternative.without.iter().map(|without| format!("-{}", item(without)));
            with.chain(without).collect::<Vec<_>>().join(" ")
        };
        Words::read(text).alternatives.iter().map(alternative).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn reads_what_people_write() {
        for (text, read) in [
            ("rust async", "rust async"),
            ("\"group commit\" -mysql sqlit*", "group_commit sqlit* -mysql"),
            ("rust -\"in anger\" OR go", "rust -in_anger | go"),
            ("well-known don't C++ a_b", "well_known don_t C a_b"),
            ("well-kno* -well-kno*", "kno* well -well"),
            ("\"sqlit*\" *", "sqlit"),
            ("or Or rust", "or Or rust"),
            ("rust\"group commit\"go", "rust group_commit go"),
            ("\"never closed", "never_closed"),
            ("Étude e\u{301}te\u{301} 数据库 1e5", "Étude e\u{301}te\u{301} 数据库 1e5"),
        ] {
            assert_eq!(shown(text), read, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_is_found_nowhere() {
        for text in
            ["", " ", "\"", "*", "-", "--", "OR", "OR OR", "-rust", "+&|!<>()@~", "\u{0}", "\"\"*", "\u{301}"]
        {
            assert_eq!(Words::read(text), Words::default(), "{text:?}");
        }
        assert_eq!(shown("rust OR -go OR"), "rust");
    }

    #[test]
    fn a_word_that_no_index_has_is_found_nowhere() {
        let long = "x".repeat(MOST_LETTERS + 1);
        assert_eq!(shown(&format!("rust {long}")), "");
        assert_eq!(shown(&format!("rust -{long} OR {long} OR go")), "rust | go");
        assert_eq!(shown(&"x".repeat(MOST_LETTERS)).len(), MOST_LETTERS);
        assert_eq!(shown(&"x ".repeat(1_000)).split(' ').count(), MOST_WORDS);
    }

    proptest! {
        #[test]
        fn any_text_is_a_search(text in r#"(?s)([-"*+ ]|OR |.){0,60}"#) {
            for alternative in Words::read(&text).alternatives {
                prop_assert!(!alternative.with.is_empty());
                for item in alternative.with.iter().chain(&alternative.without) {
                    prop_assert!(!item.words.is_empty() && (item.words.len() == 1 || !item.begins));
                    for word in &item.words {
                        prop_assert!(word.contains(char::is_alphanumeric));
                        prop_assert!(!word.contains(|letter: char| letter.is_ascii() && !letter.is_ascii_alphanumeric()));
                    }
                }
            }
        }
    }
}
