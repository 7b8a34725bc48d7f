//! A section without its type.

use std::any::{Any, TypeId};
use std::sync::Arc;

use super::decode::{Decoded, decode};
use super::loaded::{Config, Loaded, shown};
use super::report::Aliases;
use super::secret::MASK;
use super::tree::{Table, origin_of};
use super::{Problems, Section};
use crate::Finding;
use crate::container::Registration;
use crate::contribution::Contribution;

/// A [`Section`] without its type, so that a list can hold them all.
#[derive(Clone, Copy)]
pub struct SectionDescriptor {
    pub(super) type_id: TypeId,
    pub(super) type_name: &'static str,
    pub(super) name: &'static str,
    pub(super) aliases: Aliases,
    pub(super) fill: fn(&Table) -> Filled,
    provide: fn(&Config) -> Registration,
}

impl Contribution for SectionDescriptor {}

/// What came of one section.
pub(super) struct Filled {
    pub(super) section: Option<Loaded>,
    pub(super) findings: Vec<Finding>,
}

impl SectionDescriptor {
    /// The descriptor of `T`.
    pub fn of<T: Section>() -> Self {
        Self {
            type_id: TypeId::of::<T>(),
            type_name: std::any::type_name::<T>(),
            name: T::NAME,
            aliases: T::ALIASES,
            fill: fill::<T>,
            provide: |config| Registration::of_result(config.section::<T>()),
        }
    }

    /// What the container hands out for this section. One that could not be filled is known to the container, so that
    /// nothing more is said than why it could not be filled.
    pub(crate) fn provide(&self, config: &Config) -> Registration {
        (self.provide)(config)
    }

    /// The section's name: `http`.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

fn fill<T: Section>(tree: &Table) -> Filled {
    let Decoded { value, mut findings } = decode::<T>(T::NAME, tree.get(T::NAME), T::ALIASES);
    let Some(value) = value else { return Filled { section: None, findings } };
    let values = match serde_json::to_value(&value) {
        Ok(values) => values,
        Err(error) => serde_json::Value::String(format!("cannot be shown: {error}")),
    };
    let mut problems = Problems::default();
    value.validate(&mut problems);
    for problem in problems.0 {
        let key = format!("{}.{}", T::NAME, problem.key);
        let path: Vec<&str> = key.split('.').collect();
        let now = problem.key.split('.').try_fold(&values, |value, part| value.get(part));
        let origin = origin_of(tree, &path);
        let now = match now {
            Some(serde_json::Value::Null) | None => "it is not set".to_owned(),
            Some(_) if origin.is_secret() => format!("it is {MASK}"),
            Some(now) => format!("it is {}", shown(&key, now)),
        };
        let finding = Finding::error("config.E007", format!("`{key}` {} ({now})", problem.message))
            .at(origin.to_string());
        findings.push(match problem.fix {
            Some(fix) => finding.fix(fix),
            None => finding,
        });
    }
    let section = findings.is_empty().then(|| Loaded {
        name: T::NAME,
        value: Arc::new(value) as Arc<dyn Any + Send + Sync>,
        shown: values,
    });
    Filled { section, findings }
}
