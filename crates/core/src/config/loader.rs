//! Puts the layers together and fills every section from them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::descriptor::SectionDescriptor;
use super::loaded::Config;
use super::nearest::suggest;
use super::origin::Origin;
use super::tree::{Node, Table, Value, insert, merge};
use super::variables::{Alias, Variable, layer};
use super::{Section, Sources, credentials, dotenv, file};
use crate::{Finding, Findings, Profile};

/// Reads the layers and fills the sections that are registered.
pub struct Loader {
    profile: Profile,
    sources: Sources,
    sections: Vec<SectionDescriptor>,
}

impl Loader {
    /// A loader without sections.
    pub fn new(profile: Profile, sources: Sources) -> Self {
        Self { profile, sources, sections: Vec::new() }
    }

    /// Registers a section.
    #[must_use]
    pub fn section<T: Section>(self) -> Self {
        self.register([SectionDescriptor::of::<T>()])
    }

    /// Registers sections. The same one may come more than once.
    #[must_use]
    pub fn register(mut self, sections: impl IntoIterator<Item = SectionDescriptor>) -> Self {
        for section in sections {
            if self.sections.iter().all(|known| known.type_id != section.type_id) {
                self.sections.push(section);
            }
        }
        self.sections.sort_by_key(|section| section.name);
        self
    }

    /// Reads every layer and fills every section.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, as listed in [`config`](super), if any of it is an error.
    pub fn load(self) -> Result<Config, Findings> {
        let config = self.read();
        if config.findings().has_errors() { Err(config.findings().clone()) } else { Ok(config) }
    }

    /// Reads every layer and fills every section that can be filled. What is wrong is in [`Config::findings`].
    pub fn read(self) -> Config {
        let mut findings = Findings::default();
        let aliases = self.claims(&mut findings);
        let (tree, complete) = self.layers(&aliases, &mut findings);
        self.strangers(&tree, &mut findings);

        let mut sections = BTreeMap::new();
        for descriptor in &self.sections {
            let filled = (descriptor.fill)(&tree);
            // What a broken file would have said is not missing.
            findings.extend(
                filled.findings.into_iter().filter(|finding| complete || finding.id != "config.E006"),
            );
            if let Some(section) = filled.section {
                sections.insert(descriptor.type_id, section);
            }
        }
        Config::new(self.profile, self.sources.home_folder().to_owned(), tree, sections, findings)
    }

    /// The aliases, after two sections that claim the same name or alias have been reported.
    fn claims(&self, findings: &mut Findings) -> Vec<Alias> {
        let mut names: BTreeMap<&str, &SectionDescriptor> = BTreeMap::new();
        let mut claimed: BTreeMap<&str, &SectionDescriptor> = BTreeMap::new();
        let mut aliases = Vec::new();
        let mut contend = |what: String, one: &SectionDescriptor, other: &SectionDescriptor, fix: &str| {
            findings.add(
                Finding::error(
                    "config.E010",
                    format!("{what} belongs to `{}` and to `{}`", one.type_name, other.type_name),
                )
                .fix(fix),
            );
        };
        for section in &self.sections {
            if let Some(other) = names.insert(section.name, section) {
                contend(
                    format!("the section `{}`", section.name),
                    other,
                    section,
                    "rename one of them: `const NAME`",
                );
            }
            for (name, key) in section.aliases {
                if let Some(other) = claimed.insert(name, section) {
                    contend(
                        format!("the variable {name}"),
                        other,
                        section,
                        "take it out of one: `const ALIASES`",
                    );
                }
                let path = std::iter::once(section.name).chain(key.split('.')).map(str::to_owned).collect();
                aliases.push(Alias { name, path });
            }
        }
        aliases
    }

    /// Every layer in one tree, and whether all files could be read.
    fn layers(&self, aliases: &[Alias], findings: &mut Findings) -> (Table, bool) {
        let mut tree = Table::new();
        let mut complete = true;
        if let Some(home) = self.sources.lost_home() {
            complete = false;
            findings.add(
                Finding::error(
                    "config.E001",
                    format!("the home folder `{}` is not a folder", home.display()),
                )
                .fix("set MAINSTAY_HOME to the folder that contains `config`, or unset it"),
            );
        }
        let own_file = format!("config/{}.toml", self.profile.name());
        for name in ["config/default.toml", &own_file] {
            let path: Arc<Path> = self.sources.shown(name).into();
            match self.sources.read(name) {
                Ok(Some(text)) => match file::parse(&path, &text, |path, line| Origin::File { path, line }) {
                    Ok(table) => merge(&mut tree, table),
                    Err(faults) => {
                        complete = false;
                        findings.extend(faults);
                    }
                },
                Ok(None) => {
                    if let Profile::Custom(profile) = &self.profile
                        && name == own_file
                    {
                        findings.add(stray_profile(profile, &path));
                    }
                }
                Err(error) => {
                    complete = false;
                    findings.add(unreadable(&path, &error));
                }
            }
        }
        match credentials::layer(&self.sources, self.profile.name()) {
            Ok(table) => merge(&mut tree, table),
            Err(faults) => {
                complete = false;
                findings.extend(faults);
            }
        }
        merge(&mut tree, self.dotenv(aliases, findings));
        let environment: Vec<Variable<'_>> = self
            .sources
            .variables
            .iter()
            .map(|(name, value)| Variable {
                name,
                value: value.to_str(),
                origin: Origin::Variable { name: name.as_str().into() },
            })
            .collect();
        merge(&mut tree, layer(&environment, aliases, &self.names(), findings));
        for (key, text) in &self.sources.arguments {
            self.set(&mut tree, key, text, Origin::CommandLine { key: key.as_str().into() }, findings);
        }
        for (key, text) in &self.sources.overrides {
            self.set(&mut tree, key, text, Origin::Override { key: key.as_str().into() }, findings);
        }
        (tree, complete)
    }

    fn dotenv(&self, aliases: &[Alias], findings: &mut Findings) -> Table {
        let path: Arc<Path> = self.sources.shown(".env").into();
        let text = match self.sources.read(".env") {
            Ok(Some(text)) => text,
            Ok(None) => return Table::new(),
            Err(error) => {
                findings.add(unreadable(&path, &error));
                return Table::new();
            }
        };
        let (entries, faults) = dotenv::parse(&path, &text);
        findings.extend(faults);
        let variables: Vec<Variable<'_>> = entries
            .iter()
            .map(|entry| Variable {
                name: &entry.name,
                value: Some(&entry.value),
                origin: Origin::Dotenv {
                    path: path.clone(),
                    line: entry.line,
                    name: entry.name.as_str().into(),
                },
            })
            .collect();
        layer(&variables, aliases, &self.names(), findings)
    }

    fn set(&self, tree: &mut Table, key: &str, text: &str, origin: Origin, findings: &mut Findings) {
        let path: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
        if path.len() < 2 || path.iter().any(String::is_empty) {
            findings.add(
                Finding::error("config.E009", format!("`{key}` does not name a section and a key"))
                    .at(origin.to_string())
                    .fix(suggest(&path[0], "write section.key=value; the sections are", self.names())),
            );
            return;
        }
        insert(tree, &path, Node::new(origin, Value::Text(text.to_owned())));
    }

    /// Tables that nothing reads.
    fn strangers(&self, tree: &Table, findings: &mut Findings) {
        let names = self.names();
        for (name, node) in tree.iter().filter(|(name, _)| !names.contains(&name.as_str())) {
            let finding = match &node.value {
                Value::Table(table) => {
                    // A table that only variables made has their origin; in a file, the header's line.
                    let origin = table.values().next().map_or(&node.origin, |first| match node.origin {
                        Origin::File { .. } | Origin::Credentials { .. } => &node.origin,
                        _ => &first.origin,
                    });
                    Finding::error(
                        "config.E003",
                        format!("nothing in this application reads the section `{name}`"),
                    )
                    .at(origin.to_string())
                    .fix(suggest(name, "the sections are", names.iter().copied()))
                }
                _ => Finding::error("config.E003", format!("`{name}` stands outside of any section"))
                    .at(node.origin.to_string())
                    .fix(suggest(
                        name,
                        "put it under a `[section]`; the sections are",
                        names.iter().copied(),
                    )),
            };
            findings.add(finding);
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.sections.iter().map(|section| section.name).collect()
    }
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    Finding::error("config.E001", format!("`{}` cannot be read: {error}", path.display()))
        .at(path.display().to_string())
        .fix("make it a text file in UTF-8 that this user may read, or remove it")
}

fn stray_profile(profile: &str, path: &Path) -> Finding {
    let known = ["development", "production", "test"];
    Finding::warning("config.W001", format!("the profile `{profile}` has no file `{}`", path.display()))
        .fix(suggest(profile, "make the file, or use a profile that needs none; they are", known))
}
