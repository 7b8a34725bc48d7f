//! Searches in texts, and the patterns that engines take for them.

use super::Term;

/// A search in a text.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) needle: Term,
    pub(crate) anchor: Anchor,
    pub(crate) case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    End,
    Anywhere,
    /// The whole text, which the needle equals.
    Whole,
    /// The whole text, and the needle has wildcards of its own: `%` and `_`, and `\` before one that is meant.
    Wild,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    Ignored,
}

impl Pattern {
    /// The needle with wildcards around it and its own escaped, as `LIKE` (with `\`) reads it.
    pub(crate) fn like(&self, needle: &str) -> String {
        if self.anchor == Anchor::Wild {
            // A backslash at the end, with nothing to escape, is one that is meant; PostgreSQL refuses it otherwise.
            let open = needle.chars().rev().take_while(|letter| *letter == '\\').count() % 2 == 1;
            return if open { format!("{needle}\\") } else { needle.to_owned() };
        }
        self.surround(needle, "%", |letter| match letter {
            '%' | '_' | '\\' => Some(format!("\\{letter}")),
            _ => None,
        })
    }

    /// The same for SQLite's `GLOB`, which minds the case.
    pub(crate) fn glob(&self, needle: &str) -> String {
        let escape = |letter| match letter {
            '*' | '?' | '[' => Some(format!("[{letter}]")),
            _ => None,
        };
        if self.anchor != Anchor::Wild {
            return self.surround(needle, "*", escape);
        }
        let mut pattern = String::with_capacity(needle.len());
        let mut letters = needle.chars();
        while let Some(letter) = letters.next() {
            let meant = match letter {
                '%' => {
                    pattern.push('*');
                    continue;
                }
                '_' => {
                    pattern.push('?');
                    continue;
                }
                '\\' => letters.next().unwrap_or('\\'),
                letter => letter,
            };
            match escape(meant) {
                Some(escaped) => pattern.push_str(&escaped),
                None => pattern.push(meant),
            }
        }
        pattern
    }

    fn surround(&self, needle: &str, any: &str, escape: impl Fn(char) -> Option<String>) -> String {
        let mut pattern = String::with_capacity(needle.len() + 2);
        if matches!(self.anchor, Anchor::End | Anchor::Anywhere) {
            pattern.push_str(any);
        }
        for letter in needle.chars() {
            match escape(letter) {
                Some(escaped) => pattern.push_str(&escaped),
                None => pattern.push(letter),
            }
        }
        if matches!(self.anchor, Anchor::Start | Anchor::Anywhere) {
            pattern.push_str(any);
        }
        pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_the_engine_would_take_for_a_wildcard() {
        let pattern = |anchor| Pattern { needle: Term::Slot(0), anchor, case: Case::Ignored };
        assert_eq!(pattern(Anchor::Anywhere).like("50%_\\"), "%50\\%\\_\\\\%");
        assert_eq!(pattern(Anchor::Start).like("a"), "a%");
        assert_eq!(pattern(Anchor::End).glob("[a]*?"), "*[[]a][*][?]");
        assert_eq!(pattern(Anchor::Whole).like("a_b"), "a\\_b");
        assert_eq!(pattern(Anchor::Wild).glob("a_b%*\\%\\"), "a?b*[*]%\\");
    }
}
