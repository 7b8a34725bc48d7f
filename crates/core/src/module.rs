//! Modules: the one unit of composition.
//!
//! A module has a name, imports, exports and contributions. What it provides is its own until it exports it, and what
//! it needs comes from itself, from what its imports export, or from what is there for everybody: the providers of the
//! [`App`](crate::App) itself, configuration sections, and built-in modules.

use std::any::TypeId;
use std::borrow::Cow;
use std::panic::Location;

use crate::check::{Check, Inspection};
use crate::command::Command;
use crate::config::{Section, SectionDescriptor};
use crate::container::{IntoProvider, Key};
use crate::contribution::{Contribute, Contribution, Entry};
use crate::health::ProbeBinding;
use crate::lifecycle::Hook;
use crate::service::Service;

/// A part of an application: a name, what it imports and exports, and what it contributes.
///
/// ```
/// use mainstay_core::{App, CoreContributions, Inject, Module};
///
/// struct Rates;
/// struct Prices(Inject<Rates>);
///
/// let shop = Module::new("shop").provide(|| Rates).provide(|rates: Inject<Rates>| Prices(rates)).export::<Prices>();
/// let app = App::new().module(shop);
/// ```
pub struct Module {
    pub(crate) name: Cow<'static, str>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) reach: Reach,
    pub(crate) imports: Vec<Module>,
    pub(crate) exports: Vec<Key>,
    pub(crate) entries: Vec<Entry>,
}

/// Who sees what a module exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Importers,
    Everyone,
}

/// Which module of the assembled application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub(crate) usize);

/// A module of the assembled application.
#[derive(Clone, Debug)]
pub struct ModuleInfo {
    /// Its number.
    pub id: ModuleId,
    /// Its name.
    pub name: String,
}

impl Module {
    /// A module. Its name is unique within an application; one module may be imported by many.
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            place: Location::caller(),
            reach: Reach::Importers,
            imports: Vec::new(),
            exports: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Makes its exports visible to every module, imported or not. Meant for what is the same everywhere.
    #[must_use]
    pub fn global(mut self) -> Self {
        self.reach = Reach::Everyone;
        self
    }

    /// Imports a module: its contributions join, its exports can be injected here.
    #[must_use]
    pub fn import(mut self, module: Module) -> Self {
        self.imports.push(module);
        self
    }

    /// Lets importers inject `T`, which this module (or one that it imports) provides.
    #[must_use]
    pub fn export<T: ?Sized + 'static>(mut self) -> Self {
        self.exports.push(Key::of::<T>());
        self
    }

    pub(crate) fn brings(&self) -> impl Iterator<Item = Module> {
        self.entries.iter().flat_map(|entry| entry.value.brings())
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = (TypeId, fn() -> Option<Module>)> {
        self.entries.iter().map(|entry| (entry.kind, entry.installs))
    }
}

impl Contribute for Module {
    fn contribute<C: Contribution>(mut self, contribution: C) -> Self {
        self.entries.push(Entry::new(contribution));
        self
    }
}

/// The kinds of contribution that the core itself acts on. In the prelude.
pub trait CoreContributions: Contribute {
    /// Provides a value by type: a function whose parameters are its dependencies, or a
    /// [`Provider`](crate::Provider) where scope, binding or disposal are to be said.
    #[must_use]
    #[track_caller]
    fn provide<Marker>(self, provider: impl IntoProvider<Marker>) -> Self {
        self.contribute(provider.into_registration())
    }

    /// Adds a typed section of the configuration, injectable everywhere.
    #[must_use]
    fn config<S: Section>(self) -> Self {
        self.contribute(SectionDescriptor::of::<S>())
    }

    /// Adds a check of the set-up.
    #[must_use]
    fn check(self, check: Check) -> Self {
        self.contribute(check)
    }

    /// Adds a look at what the application meets where it is deployed, for `check --deploy`.
    #[must_use]
    fn inspection(self, inspection: Inspection) -> Self {
        self.contribute(inspection)
    }

    /// Adds a supervised background task.
    #[must_use]
    fn service(self, service: Service) -> Self {
        self.contribute(service)
    }

    /// Adds a subcommand of the application's own binary.
    #[must_use]
    fn command(self, command: Command) -> Self {
        self.contribute(command)
    }

    /// Adds a health probe.
    #[must_use]
    fn probe(self, probe: ProbeBinding) -> Self {
        self.contribute(probe)
    }

    /// Adds what runs once while the application starts or stops.
    #[must_use]
    fn hook(self, hook: Hook) -> Self {
        self.contribute(hook)
    }
}

impl<C: Contribute> CoreContributions for C {}
