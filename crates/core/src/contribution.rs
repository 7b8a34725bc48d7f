//! Contributions: the one open slot through which every part reaches an application.
//!
//! A [`Module`] is a list of contributions of any kind. This crate collects them and knows a few kinds of its own
//! (providers, configuration sections, checks, services, commands, probes, life-cycle hooks); every other crate adds
//! its own kinds with an extension trait over [`Contribute`]. An out-of-tree crate does the same:
//!
//! ```
//! use mainstay_core::{App, Contribute, Contribution};
//!
//! pub struct Greeting(pub &'static str);
//! impl Contribution for Greeting {}
//!
//! pub trait Greetings: Contribute {
//!     fn greeting(self, text: &'static str) -> Self {
//!         self.contribute(Greeting(text))
//!     }
//! }
//! impl<C: Contribute> Greetings for C {}
//!
//! let app = App::new().greeting("hello").greeting("good day");
//! ```
//!
//! Whoever acts on them takes [`Contributions`] by injection and asks for its own kind:
//! `contributions.of::<Greeting>()`.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::container::Need;
use crate::module::{Module, ModuleInfo};

/// A kind of thing that modules contribute.
pub trait Contribution: Any + Send + Sync {
    /// The built-in module that acts on this kind. It is installed by the first contribution that needs it, so an
    /// application that has no routes has no listener either.
    fn installs() -> Option<Module>
    where
        Self: Sized,
    {
        None
    }

    /// What this one takes from the container. It is verified, as seen from the contributing module, at start.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// The built-in modules that this very one asks for, beside that of its kind: those of what is inside of it. They must not
    /// contribute what brings them in turn.
    fn brings(&self) -> Vec<Module> {
        Vec::new()
    }
}

/// What can be contributed to: an [`App`](crate::App) or a [`Module`].
pub trait Contribute: Sized {
    /// Adds a contribution.
    #[must_use]
    fn contribute<C: Contribution>(self, contribution: C) -> Self;
}

/// One contribution with what its kind is, and what its kind installs.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: TypeId,
    pub(crate) installs: fn() -> Option<Module>,
    pub(crate) value: Arc<dyn Contribution>,
}

impl Entry {
    pub(crate) fn new<C: Contribution>(contribution: C) -> Self {
        Self { kind: TypeId::of::<C>(), installs: C::installs, value: Arc::new(contribution) }
    }
}

/// Everything that the modules of an application contribute, by kind. Injectable, cheap to clone.
#[derive(Clone)]
pub struct Contributions(Arc<Collected>);

struct Collected {
    modules: Vec<ModuleInfo>,
    kinds: Kinds,
}

/// By kind: which module, and what.
type Kinds = HashMap<TypeId, Vec<(usize, Arc<dyn Contribution>)>>;

/// A contribution and the module that it came from.
#[derive(Clone, Copy)]
pub struct Contributed<'a, C> {
    /// The contribution.
    pub value: &'a C,
    /// The module that made it.
    pub module: &'a ModuleInfo,
}

impl Contributions {
    pub(crate) fn collect(modules: Vec<(ModuleInfo, Vec<Entry>)>) -> Self {
        let mut kinds = Kinds::new();
        let mut infos = Vec::with_capacity(modules.len());
        for (index, (info, entries)) in modules.into_iter().enumerate() {
            for entry in entries {
                kinds.entry(entry.kind).or_default().push((index, entry.value));
            }
            infos.push(info);
        }
        Self(Arc::new(Collected { modules: infos, kinds }))
    }

    /// Every contribution of kind `C`, those of imported modules before those of the importing.
    pub fn of<C: Contribution>(&self) -> impl Iterator<Item = Contributed<'_, C>> {
        let entries = self.0.kinds.get(&TypeId::of::<C>()).map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter_map(|(module, value)| {
            let value: &dyn Any = &**value;
            value.downcast_ref().map(|value| Contributed { value, module: &self.0.modules[*module] })
        })
    }

    /// Every module, in the order of the contributions.
    pub fn modules(&self) -> &[ModuleInfo] {
        &self.0.modules
    }

    /// Every contribution of every kind, with its module.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&ModuleInfo, &dyn Contribution)> {
        self.0.kinds.values().flatten().map(|(module, value)| (&self.0.modules[*module], &**value))
    }
}

impl fmt::Debug for Contributions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contributions").field("modules", &self.0.modules).finish_non_exhaustive()
    }
}
