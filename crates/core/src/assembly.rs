//! An application put together: its modules in order, its configuration read, its graph known, its faults found.
//!
//! This is the step between the value that somebody wrote ([`App`]) and something that runs
//! ([`lifecycle`](crate::lifecycle)). It reads configuration files and does no other I/O.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::app::{App, AppInfo};
use crate::check::{Check, Finding, Findings, Phase};
use crate::config::{Config, Loader, SectionDescriptor, Sources};
use crate::container::graph::{Graph, GraphModule};
use crate::container::{Key, Need, Registration, Resolver};
use crate::contribution::{Contributions, Entry};
use crate::module::{Module, ModuleId, ModuleInfo};
use crate::profile::Profile;

/// An application put together.
pub struct Assembly {
    /// What it is called.
    pub info: AppInfo,
    /// Where it runs.
    pub profile: Profile,
    /// Everything that its modules contribute.
    pub contributions: Contributions,
    /// Its configuration.
    pub config: Arc<Config>,
    graph: Arc<Graph>,
    takers: Vec<(ModuleId, Need)>,
    findings: Findings,
}

/// An application taken apart into modules, before its configuration is read. Its commands are known here, and they
/// decide which configuration is read.
pub(crate) struct Parts {
    pub(crate) info: AppInfo,
    pub(crate) contributions: Contributions,
    profile: Option<Profile>,
    settings: Vec<(String, String)>,
    overrides: Vec<Registration>,
    modules: Vec<GraphModule>,
    findings: Findings,
}

impl Parts {
    pub(crate) fn of(app: App) -> Self {
        let App { mut root, info, profile, settings, overrides } = app;
        root = root.import(crate::builtin::module());
        let mut flat = Flat::default();
        flat.add(root);
        let Flat { modules, entries, findings, .. } = flat;
        let infos = modules
            .iter()
            .enumerate()
            .map(|(index, module)| ModuleInfo { id: ModuleId(index), name: module.name.clone() });
        let contributions = Contributions::collect(infos.zip(entries).collect());
        Self { info, contributions, profile, settings, overrides, modules, findings }
    }

    /// Reads the configuration, joins the graph, runs the checks of the start.
    pub(crate) fn assemble(self, sources: Sources, asked_profile: Option<&str>) -> Arc<Assembly> {
        let Self { info, contributions, profile, settings, overrides, mut modules, mut findings } = self;
        let profile = profile.unwrap_or_else(|| sources.profile(asked_profile));
        let sources =
            settings.into_iter().fold(sources, |sources, (key, value)| sources.overriding(key, value));
        let sections: Vec<SectionDescriptor> =
            contributions.of::<SectionDescriptor>().map(|section| *section.value).collect();
        let config =
            Arc::new(Loader::new(profile.clone(), sources.clone()).register(sections.iter().copied()).read());
        findings.extend(config.findings().iter().cloned());

        for contributed in contributions.of::<Registration>() {
            modules[contributed.module.id.0].providers.push(contributed.value.clone());
        }
        if let Some(builtin) = modules.iter_mut().find(|module| module.name == crate::builtin::NAME) {
            let values = [
                Registration::of_value(Arc::new(contributions.clone())),
                Registration::of_value(Arc::new(info.clone())),
                Registration::of_value(Arc::new(profile.clone())),
                Registration::of_value(Arc::clone(&config)),
                Registration::of_value(Arc::new(sources)),
            ];
            let mut seen = HashSet::new();
            let sections = sections.iter().map(|section| section.provide(&config));
            let sections = sections.filter(|section| seen.insert(section.key.id));
            for registration in values.into_iter().chain(sections) {
                builtin.exports.push(registration.key);
                builtin.providers.push(registration);
            }
        }
        replace(&mut modules, overrides, &mut findings);

        let takers: Vec<_> = contributions
            .all()
            .flat_map(|(module, value)| value.needs().into_iter().map(|need| (module.id, need)))
            .collect();
        let root = ModuleId(modules.len() - 1);
        let graph = Graph::new(modules, root);
        graph.verify(&takers, &mut findings);

        let mut assembly = Assembly { info, profile, contributions, config, graph, takers, findings };
        // Although something is wrong already: all of it is to be known at once.
        assembly.findings.extend(assembly.run_checks(Phase::Start));
        Arc::new(assembly)
    }
}

impl App {
    /// Puts the application together from what it is made of and its configuration.
    ///
    /// Faults do not end it: they are in [`Assembly::findings`], all of them.
    pub fn assemble(self, sources: Sources) -> Arc<Assembly> {
        Parts::of(self).assemble(sources, None)
    }
}

impl Assembly {
    /// What is wrong with it.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The container as the application itself sees it.
    pub fn resolver(&self) -> Resolver {
        let root = ModuleId(self.contributions.modules().len() - 1);
        Resolver { graph: Arc::clone(&self.graph), module: root, request: None }
    }

    /// The container as a module sees it.
    pub fn resolver_of(&self, module: &ModuleInfo) -> Resolver {
        self.resolver().of_module(module.id)
    }

    /// Whether anything in it takes a `T` from the container.
    pub fn needs<T: ?Sized + 'static>(&self) -> bool {
        let key = Key::of::<T>();
        self.takers.iter().any(|(_, need)| need.key == key) || self.graph.needs(key)
    }

    /// Runs the checks of a phase.
    pub fn run_checks(&self, phase: Phase) -> Findings {
        let mut findings = Findings::default();
        for check in self.contributions.of::<Check>().filter(|check| check.value.phase() == phase) {
            check.value.run(self, &mut findings);
        }
        findings
    }

    /// What the modules' contributions need, apart from the providers themselves.
    pub(crate) fn takers(&self) -> &[(ModuleId, Need)] {
        &self.takers
    }
}

/// The module tree as a list: imported before importing, each once, the application last.
#[derive(Default)]
struct Flat {
    modules: Vec<GraphModule>,
    entries: Vec<Vec<Entry>>,
    places: Vec<&'static std::panic::Location<'static>>,
    by_name: HashMap<String, ModuleId>,
    installed: HashSet<TypeId>,
    /// The names of the modules that are being added: what they need goes first.
    under_way: Vec<String>,
    findings: Findings,
}

impl Flat {
    fn add(&mut self, mut module: Module) -> ModuleId {
        if let Some(known) = self.by_name.get(module.name.as_ref()).copied() {
            if self.places[known.0] != module.place {
                self.findings.add(
                    Finding::error("core.E007", format!("two modules are called `{}`", module.name))
                        .at(format!("{} and {}", self.places[known.0], module.place))
                        .fix("give one of them another name"),
                );
            }
            return known;
        }
        // What a kind of contribution installs comes before the module that contributes it, like an import, and is
        // looked up once a kind. A built-in module may contribute kinds that install it.
        self.under_way.push(module.name.clone().into_owned());
        let installs: Vec<_> = module.kinds().collect();
        for (kind, installs) in installs {
            if self.installed.insert(kind)
                && let Some(installed) = installs()
                && !self.under_way.iter().any(|name| *name == installed.name)
            {
                self.add(installed);
            }
        }
        let brought: Vec<_> = module.brings().collect();
        for module in brought {
            self.add(module);
        }
        let imports = module.imports.drain(..).map(|import| self.add(import)).collect();
        self.under_way.pop();
        let id = ModuleId(self.modules.len());
        self.by_name.insert(module.name.clone().into_owned(), id);
        self.places.push(module.place);
        self.entries.push(module.entries);
        self.modules.push(GraphModule {
            name: module.name.into_owned(),
            reach: module.reach,
            imports,
            exports: module.exports,
            providers: Vec::new(),
        });
        id
    }
}

/// Puts each override in the place of what answers to its type.
fn replace(modules: &mut [GraphModule], overrides: Vec<Registration>, findings: &mut Findings) {
    for replacement in overrides {
        let mut replaced = 0;
        for module in modules.iter_mut() {
            for registration in &mut module.providers {
                if registration.keys().any(|key| replacement.keys().any(|new| new == key)) {
                    *registration = replacement.clone();
                    replaced += 1;
                }
            }
        }
        if replaced == 0 {
            findings.add(
                Finding::error(
                    "core.E008",
                    format!("nothing provides `{}`, so nothing is replaced", replacement.key),
                )
                .at(replacement.place.to_string())
                .fix("replace a type that the application provides, or use `.provide(..)`"),
            );
        }
    }
}
