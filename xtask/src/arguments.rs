//! The words after `cargo xtask <command>`.
//!
//! A hand-written parser: the commands take a handful of flags, and a parser crate would cost more time on every fresh
//! clone than all of `xtask` itself.

use crate::outcome::Result;

/// What is left to read of a command line.
pub(crate) struct Arguments {
    usage: &'static str,
    words: Vec<String>,
    /// What follows `--`, as it is.
    command: Option<Vec<String>>,
}

impl Arguments {
    pub(crate) fn new(usage: &'static str, words: impl Iterator<Item = String>) -> Self {
        let mut words: Vec<String> = words.collect();
        let command = words.iter().position(|word| word == "--").map(|at| words.split_off(at).split_off(1));
        // `--only=tests` and `--only tests` are the same.
        let words = words.into_iter().flat_map(|word| match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
            _ => vec![word],
        });
        Self { usage, words: words.collect(), command }
    }

    /// The command after `--`; takes it out.
    pub(crate) fn after_dashes(&mut self) -> Option<Vec<String>> {
        self.command.take()
    }

    /// Whether `--name` is there; takes it out.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    /// Every value of `--name VALUE`; takes them out. A value may list several, separated by commas.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        while let Some(at) = self.words.iter().position(|word| word == name) {
            if at + 1 >= self.words.len() {
                return Err(format!("{name} needs a value\nUsage: cargo xtask {}", self.usage).into());
            }
            values.extend(self.words[at + 1].split(',').map(str::to_owned));
            self.words.drain(at..=at + 1);
        }
        Ok(values)
    }

    /// The last value of `--name VALUE` as a number; takes it out.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>> {
        match self.values(name)?.pop() {
            None => Ok(None),
            Some(value) => {
                let number =
                    value.parse().map_err(|_| format!("{name} takes a whole number, not `{value}`"))?;
                Ok(Some(number))
            }
        }
    }

    /// The words that are no flags. Fails on a flag that nobody asked for, and on a command that nobody takes.
    pub(crate) fn rest(self) -> Result<Vec<String>> {
        if self.command.is_some() {
            return Err(
                format!("there is nothing to run after `--`\nUsage: cargo xtask {}", self.usage).into()
            );
        }
        match self.words.iter().find(|word| word.starts_with('-')) {
            Some(unknown) => {
                Err(format!("{unknown} is unknown here\nUsage: cargo xtask {}", self.usage).into())
            }
            None => Ok(self.words),
        }
    }

    /// Fails when anything is left.
    pub(crate) fn end(self) -> Result<()> {
        let usage = self.usage;
        match self.rest()?.first() {
            Some(word) => Err(format!("`{word}` is unknown here\nUsage: cargo xtask {usage}").into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new("usage", line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn takes_flags_and_values_in_any_order_and_spelling() {
        let mut arguments = arguments("--only a,b rest --list --only=c");
        assert!(arguments.flag("--list"));
        assert_eq!(arguments.values("--only").unwrap(), ["a", "b", "c"]);
        assert_eq!(arguments.rest().unwrap(), ["rest"]);
    }

    #[test]
    fn leaves_a_command_as_it_is() {
        let mut arguments = arguments("run -- cargo test --only=a -- --list");
        assert_eq!(arguments.after_dashes().unwrap().join(" "), "cargo test --only=a -- --list");
        assert_eq!(arguments.rest().unwrap(), ["run"]);
    }

    #[test]
    fn refuses_a_missing_value_a_wrong_number_and_an_unknown_flag() {
        assert!(arguments("--only").values("--only").is_err());
        assert!(arguments("--seconds soon").number("--seconds").is_err());
        assert_eq!(arguments("--seconds 3").number("--seconds").unwrap(), Some(3));
        assert!(arguments("--surprise").rest().is_err());
        assert!(arguments("surprise").end().is_err());
        assert!(arguments("-- surprise").end().is_err());
    }
}
