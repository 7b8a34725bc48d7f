//! The configuration once it is loaded.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::Section;
use super::origin::Origin;
use super::secret::{MASK, looks_secret, without_password};
use super::tree::{Table, origin_of};
use crate::{Error, Findings, Profile, Result};

/// Every section's value, and where each setting comes from.
pub struct Config {
    profile: Profile,
    home: PathBuf,
    tree: Table,
    sections: BTreeMap<TypeId, Loaded>,
    findings: Findings,
}

/// One section.
pub(super) struct Loaded {
    pub(super) name: &'static str,
    pub(super) value: Arc<dyn Any + Send + Sync>,
    /// As it serialises: defaults and all.
    pub(super) shown: Value,
}

/// One effective setting, as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The whole key: `http.port`.
    pub key: String,
    /// The value, written as JSON; a secret is masked.
    pub value: String,
    /// Who said it.
    pub origin: Origin,
}

impl Config {
    pub(super) fn new(
        profile: Profile,
        home: PathBuf,
        tree: Table,
        sections: BTreeMap<TypeId, Loaded>,
        findings: Findings,
    ) -> Self {
        Self { profile, home, tree, sections, findings }
    }

    /// The profile that it was loaded for.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The application's home folder, from which relative paths in the configuration start. Empty: the current folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The value of a section.
    ///
    /// # Errors
    ///
    /// An internal error when the section was not registered, or could not be filled.
    pub fn section<T: Section>(&self) -> Result<Arc<T>> {
        let loaded = self.sections.get(&TypeId::of::<T>());
        loaded.and_then(|loaded| loaded.value.clone().downcast().ok()).ok_or_else(|| {
            Error::internal(format!(
                "the section `{}` was not registered; add `.config::<{}>()` to the module that reads it",
                T::NAME,
                std::any::type_name::<T>(),
            ))
        })
    }

    /// Every effective setting with its origin, sorted by key; secrets are masked.
    pub fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for loaded in self.sections.values() {
            self.flatten(&mut vec![loaded.name], &loaded.shown, &mut settings);
        }
        settings.sort_by(|one, other| one.key.cmp(&other.key));
        settings
    }

    /// What is wrong with it, or worth a look.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    fn flatten<'a>(&self, path: &mut Vec<&'a str>, value: &'a Value, out: &mut Vec<Setting>) {
        if let Value::Object(entries) = value
            && !entries.is_empty()
        {
            for (name, value) in entries {
                path.push(name);
                self.flatten(path, value, out);
                path.pop();
            }
            return;
        }
        let key = path.join(".");
        let origin = origin_of(&self.tree, path);
        let value = if origin.is_secret() { MASK.to_owned() } else { shown(&key, value) };
        out.push(Setting { origin, key, value });
    }
}

/// A value as JSON, without what is secret in it.
pub(super) fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text == MASK => MASK.to_owned(),
        Value::String(_) | Value::Array(_) if looks_secret(key) => MASK.to_owned(),
        Value::String(text) => Value::String(without_password(text)).to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(key, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(name, value)| format!("{name} = {}", shown(name, value))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}  # {}", self.key, self.value, self.origin)
    }
}

impl fmt::Debug for Config {
    /// The names only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.sections.values().map(|loaded| loaded.name).collect();
        f.debug_struct("Config")
            .field("profile", &self.profile)
            .field("sections", &names)
            .finish_non_exhaustive()
    }
}
