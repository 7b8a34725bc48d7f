//! One layer: variables, from the environment or from `.env`. Their names become paths.

use super::nearest::suggest;
use super::origin::Origin;
use super::tree::{Node, Table, Value, insert};
use crate::{Finding, Findings};

/// Variables of this prefix are ours: `MAINSTAY__SECTION__KEY`.
const PREFIX: &str = "MAINSTAY__";

/// A variable, wherever it was found. `None`: not UTF-8.
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<&'a str>,
    pub(super) origin: Origin,
}

/// An alias of some section: the variable, and the path that it sets.
pub(super) struct Alias {
    pub(super) name: &'static str,
    pub(super) path: Vec<String>,
}

/// The values that these variables set: first the aliases, over them the long form.
pub(super) fn layer(
    variables: &[Variable<'_>],
    aliases: &[Alias],
    sections: &[&str],
    findings: &mut Findings,
) -> Table {
    let mut table = Table::new();
    for alias in aliases {
        for variable in variables.iter().filter(|variable| variable.name == alias.name) {
            match variable.value {
                // Platforms and compose files pass variables on that nobody has set.
                Some("") => {}
                Some(text) => insert(&mut table, &alias.path, node(variable, text)),
                None => findings.add(not_utf8(variable)),
            }
        }
    }
    for variable in variables {
        let Some(rest) = variable.name.strip_prefix(PREFIX) else {
            if let Some(finding) = misspelt(variable, sections) {
                findings.add(finding);
            }
            continue;
        };
        let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        match variable.value {
            _ if path.len() < 2 || path.iter().any(String::is_empty) => findings.add(
                Finding::error(
                    "config.E009",
                    format!("the variable {} does not name a section and a key", variable.name),
                )
                .at(variable.origin.to_string())
                .fix(suggest(
                    &path[0],
                    "write MAINSTAY__SECTION__KEY, with two underscores between the parts; the sections are",
                    sections.iter().copied(),
                )),
            ),
            Some(text) => insert(&mut table, &path, node(variable, text)),
            None => findings.add(not_utf8(variable)),
        }
    }
    table
}

fn node(variable: &Variable<'_>, text: &str) -> Node {
    Node::new(variable.origin.clone(), Value::Text(text.to_owned()))
}

fn not_utf8(variable: &Variable<'_>) -> Finding {
    Finding::error("config.E009", format!("the value of {} is not UTF-8", variable.name))
        .at(variable.origin.to_string())
        .fix("set it to text in UTF-8, or unset it")
}

/// `MAINSTAY_HTTP_PORT` for `MAINSTAY__HTTP__PORT`: would be passed over without a word.
fn misspelt(variable: &Variable<'_>, sections: &[&str]) -> Option<Finding> {
    let rest = variable.name.strip_prefix("MAINSTAY_")?;
    let (section, key) = sections.iter().find_map(|section| {
        let start = format!("{}_", section.to_ascii_uppercase());
        Some((section, rest.strip_prefix(start.as_str())?.trim_start_matches('_')))
    })?;
    Some(
        Finding::warning("config.W002", format!("the variable {} is not read", variable.name))
            .at(variable.origin.to_string())
            .fix(format!("did you mean {PREFIX}{}__{key}?", section.to_ascii_uppercase())),
    )
}
