//! Models as a contribution.

use mainstay_core::module::ModuleInfo;
use mainstay_core::{Contribution, Contributions, Module};

use crate::meta::{ModelMeta, with_links};
use crate::migrate::Migrations;

/// Models that a module has. Made by [`models!`](crate::models).
#[derive(Clone, Debug)]
pub struct Models(Vec<&'static ModelMeta>);

impl Models {
    /// These.
    pub fn new(models: impl IntoIterator<Item = &'static ModelMeta>) -> Self {
        Self(models.into_iter().collect())
    }

    /// Those of an application, each once, with the tables between that their relations make.
    pub fn of_application(contributions: &Contributions) -> Vec<&'static ModelMeta> {
        all(contributions)
    }

    /// Every one.
    pub fn iter(&self) -> impl Iterator<Item = &'static ModelMeta> {
        self.0.iter().copied()
    }
}

impl Contribution for Models {
    fn installs() -> Option<Module> {
        Some(super::module())
    }
}

/// The models of an application, each once, and the tables between that they need.
pub(crate) fn all(contributions: &Contributions) -> Vec<&'static ModelMeta> {
    collect(contributions, |_| true)
}

/// The same without those of libraries: modules that bring migrations of a library.
pub(crate) fn own(contributions: &Contributions) -> Vec<&'static ModelMeta> {
    let libraries = contributions.of::<Migrations>().filter(|found| found.value.are_of_library());
    let libraries: Vec<_> = libraries.map(|found| found.module.id).collect();
    collect(contributions, |module| !libraries.contains(&module.id))
}

fn collect(contributions: &Contributions, is_asked: impl Fn(&ModuleInfo) -> bool) -> Vec<&'static ModelMeta> {
    let mut all: Vec<&'static ModelMeta> = Vec::new();
    for models in contributions.of::<Models>().filter(|found| is_asked(found.module)) {
        for model in models.value.iter() {
            if !all.iter().any(|known| known.is(model)) {
                all.push(model);
            }
        }
    }
    with_links(&all)
}

/// Lists models for `.models(..)`.
///
/// ```
/// use mainstay_core::Module;
/// use mainstay_db::{ModelsExt, model, models};
///
/// #[model]
/// pub struct Tag {
///     pub id: i64,
///     pub name: String,
/// }
///
/// let module = Module::new("blog").models(models![Tag]);
/// ```
#[macro_export]
macro_rules! models {
    ($($model:ty),* $(,)?) => {
        $crate::Models::new([$($crate::meta::meta_of::<$model>()),*])
    };
}
