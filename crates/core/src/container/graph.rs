//! The graph of providers: what each module sees, and whether it all fits together.
//!
//! A module sees its own providers first, then what its imports export, then what is there for everybody. The first of
//! these three that knows a type decides; two providers at the same distance are ambiguous.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::provider::{Eagerness, Instance, Registration, Scope};
use super::{Key, Need, Presence, Taker};
use crate::Result;
use crate::check::{Finding, Findings};
use crate::module::{ModuleId, Reach};

/// A module as the graph needs it.
pub(crate) struct GraphModule {
    pub(crate) name: String,
    pub(crate) reach: Reach,
    pub(crate) imports: Vec<ModuleId>,
    pub(crate) exports: Vec<Key>,
    pub(crate) providers: Vec<Registration>,
}

/// Who needs something, and where that is written.
struct Asker {
    name: String,
    place: Option<String>,
}

/// A provider, the module that it belongs to, and its value once it is built.
pub(crate) struct Node {
    pub(crate) registration: Registration,
    pub(crate) home: ModuleId,
    pub(crate) cell: OnceCell<Built>,
}

/// A built singleton under every type that it answers to; the first is its own.
pub(crate) struct Built(Vec<(TypeId, Instance)>);

impl Built {
    pub(crate) fn new(registration: &Registration, instance: Instance) -> Result<Self> {
        let views = registration.keys().map(|key| Ok((key.id, registration.cast(instance.clone(), key)?)));
        views.collect::<Result<_>>().map(Self)
    }

    pub(crate) fn as_type(&self, id: TypeId) -> Option<&Instance> {
        self.0.iter().find(|(key, _)| *key == id).map(|(_, instance)| instance)
    }
}

/// All providers of an application, and who sees which.
pub(crate) struct Graph {
    nodes: Vec<Node>,
    modules: Vec<GraphModule>,
    visible: Vec<HashMap<TypeId, Vec<usize>>>,
    built: Mutex<Vec<usize>>,
}

impl Graph {
    /// The graph of these modules; module `0` is the application itself, whose providers everybody sees.
    pub(crate) fn new(mut modules: Vec<GraphModule>, root: ModuleId) -> Arc<Self> {
        let mut nodes = Vec::new();
        let mut own: Vec<HashMap<TypeId, Vec<usize>>> = vec![HashMap::new(); modules.len()];
        for (home, module) in modules.iter_mut().enumerate() {
            for registration in module.providers.drain(..) {
                for key in registration.keys() {
                    own[home].entry(key.id).or_default().push(nodes.len());
                }
                nodes.push(Node { registration, home: ModuleId(home), cell: OnceCell::new() });
            }
        }
        let exported: Vec<_> = (0..modules.len()).map(|module| exported(&modules, &own, module)).collect();
        let mut for_everybody: HashMap<TypeId, Vec<usize>> = own[root.0].clone();
        for (module, exports) in modules.iter().zip(&exported) {
            if module.reach == Reach::Everyone {
                merge(&mut for_everybody, exports);
            }
        }
        let visible = (0..modules.len())
            .map(|module| {
                let mut sees = own[module].clone();
                let mut imported = HashMap::new();
                for import in &modules[module].imports {
                    merge(&mut imported, &exported[import.0]);
                }
                for layer in [&imported, &for_everybody] {
                    for (id, nodes) in layer {
                        sees.entry(*id).or_insert_with(|| nodes.clone());
                    }
                }
                sees
            })
            .collect();
        Arc::new(Self { nodes, modules, visible, built: Mutex::default() })
    }

    /// The providers to build at start, those that others depend on first: all but those on demand, and of these the
    /// ones that somebody needs.
    pub(crate) fn in_order(&self, takers: &[(ModuleId, Need)]) -> Vec<usize> {
        let eager = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].registration.eagerness == Eagerness::AtStart);
        let taken = takers.iter().filter_map(|(module, need)| self.visible(*module, need.key.id));
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut seen = HashSet::new();
        for node in eager.chain(taken) {
            self.visit(node, &mut seen, &mut order);
        }
        order
    }

    fn visit(&self, node: usize, seen: &mut HashSet<usize>, order: &mut Vec<usize>) {
        if seen.insert(node) {
            for dependency in self.dependencies(node) {
                self.visit(dependency, seen, order);
            }
            order.push(node);
        }
    }

    pub(crate) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    pub(crate) fn module_name(&self, module: ModuleId) -> &str {
        &self.modules[module.0].name
    }

    /// The provider of a type as a module sees it.
    pub(crate) fn visible(&self, module: ModuleId, id: TypeId) -> Option<usize> {
        self.visible[module.0].get(&id).and_then(|nodes| nodes.first().copied())
    }

    /// A singleton that is built already.
    pub(crate) fn singleton(&self, module: ModuleId, id: TypeId) -> Option<&Instance> {
        self.nodes[self.visible(module, id)?].cell.get()?.as_type(id)
    }

    /// Whether any value lives as long as a request; if not, requests need no scope.
    pub(crate) fn has_request_scope(&self) -> bool {
        self.nodes.iter().any(|node| node.registration.scope == Scope::Request)
    }

    pub(crate) fn note_built(&self, node: usize) {
        self.built.lock().unwrap_or_else(PoisonError::into_inner).push(node);
    }

    pub(crate) fn take_built(&self) -> Vec<usize> {
        std::mem::take(&mut *self.built.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a provider takes this type.
    pub(crate) fn needs(&self, key: Key) -> bool {
        self.nodes.iter().flat_map(|node| &node.registration.needs).any(|need| need.key == key)
    }

    /// The providers that a provider depends on.
    pub(crate) fn dependencies(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let Node { registration, home, .. } = &self.nodes[node];
        registration.needs.iter().filter_map(|need| self.visible(*home, need.key.id))
    }

    /// Reports every fault of the graph: of the providers themselves, and of what the modules' other contributions
    /// (`takers`: who, from which module, what) need.
    pub(crate) fn verify(&self, takers: &[(ModuleId, Need)], findings: &mut Findings) {
        for node in &self.nodes {
            let taker = Asker {
                name: format!("`{}`", node.registration.key),
                place: Some(node.registration.place.to_string()),
            };
            for need in &node.registration.needs {
                self.verify_need(node.home, need, &taker, findings);
            }
        }
        for (module, need) in takers {
            let name = format!("module `{}`", self.module_name(*module));
            let taker = Asker { name, place: need.place.map(|(file, line)| format!("{file}:{line}")) };
            self.verify_need(*module, need, &taker, findings);
            if need.taker == Taker::Application {
                self.verify_not_captive(*module, need, &taker.name, findings);
            }
        }
        self.verify_exports(findings);
        self.verify_circles(findings);
        for node in self.nodes.iter().filter(|node| node.registration.scope == Scope::Singleton) {
            let taker = format!("the singleton `{}` ({})", node.registration.key, node.registration.place);
            for need in &node.registration.needs {
                self.verify_not_captive(node.home, need, &taker, findings);
            }
        }
    }

    fn verify_need(&self, module: ModuleId, need: &Need, taker: &Asker, findings: &mut Findings) {
        let key = need.key;
        match self.visible[module.0].get(&key.id).map(Vec::as_slice) {
            Some([_]) => {}
            Some(several) => {
                let places: Vec<_> =
                    several.iter().map(|node| self.nodes[*node].registration.place.to_string()).collect();
                findings.add(
                    Finding::error("core.E002", format!("`{key}` has {} providers", several.len()))
                        .at(places.join(", "))
                        .fix("remove one, or give them types of their own"),
                );
            }
            None if need.presence == Presence::Optional => {}
            None => findings.add(self.missing(module, key, taker)),
        }
    }

    fn missing(&self, module: ModuleId, key: Key, taker: &Asker) -> Finding {
        let place = taker.place.as_deref();
        let taker = &taker.name;
        let hidden = self.nodes.iter().find(|node| node.registration.keys().any(|known| known == key));
        if let Some(node) = hidden {
            let home = self.module_name(node.home);
            let seen_from = self.module_name(module);
            let exports = self.modules[node.home.0].exports.contains(&key);
            let (id, message, fix) = if exports {
                (
                    "core.E001",
                    format!("{taker} needs `{key}`, which module `{seen_from}` does not import"),
                    format!("import module `{home}` into `{seen_from}`"),
                )
            } else {
                (
                    "core.E005",
                    format!("{taker} needs `{key}`, which module `{home}` does not export"),
                    format!("add `.export::<{key}>()` to module `{home}`, and import it into `{seen_from}`"),
                )
            };
            let provided = node.registration.place;
            let at = place.map_or(format!("{provided}"), |place| format!("{place}, provided at {provided}"));
            return Finding::error(id, message).at(at).fix(fix);
        }
        let mut finding =
            Finding::error("core.E001", format!("{taker} needs `{key}`, and nothing provides it"));
        finding.place = place.map(str::to_owned);
        match self.nearest(key) {
            Some(near) => finding.fix(format!("provide `{key}` with `.provide(..)`; did you mean `{near}`?")),
            None => finding.fix(format!("provide `{key}` with `.provide(..)`")),
        }
    }

    fn nearest(&self, key: Key) -> Option<Key> {
        let wanted = key.to_string();
        let known = self.nodes.iter().flat_map(|node| node.registration.keys());
        known
            .map(|known| (strsim::jaro_winkler(&wanted, &known.to_string()), known))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, known)| known)
    }

    fn verify_exports(&self, findings: &mut Findings) {
        for (index, module) in self.modules.iter().enumerate() {
            for export in &module.exports {
                let provided = self.visible(ModuleId(index), export.id).is_some();
                if !provided {
                    findings.add(
                        Finding::error(
                            "core.E006",
                            format!("module `{}` exports `{export}`, which it does not provide", module.name),
                        )
                        .at(format!("module `{}`", module.name))
                        .fix("provide it there, import the module that does, or drop the export"),
                    );
                }
            }
        }
    }

    fn verify_circles(&self, findings: &mut Findings) {
        let mut done = HashSet::new();
        for start in 0..self.nodes.len() {
            self.follow(start, &mut Vec::new(), &mut done, findings);
        }
    }

    fn follow(&self, node: usize, path: &mut Vec<usize>, done: &mut HashSet<usize>, findings: &mut Findings) {
        if let Some(start) = path.iter().position(|seen| *seen == node) {
            let mut names: Vec<_> = path[start..].iter().map(|node| self.named(*node)).collect();
            names.push(self.named(node));
            findings.add(
                Finding::error("core.E003", format!("a circle: {}", names.join(" needs ")))
                    .at(self.nodes[node].registration.place.to_string())
                    .fix("move what both need into a third provider"),
            );
            return;
        }
        if !done.insert(node) {
            return;
        }
        path.push(node);
        for dependency in self.dependencies(node) {
            if path.contains(&dependency) || !done.contains(&dependency) {
                self.follow(dependency, path, done, findings);
            }
        }
        path.pop();
    }

    fn named(&self, node: usize) -> String {
        format!("`{}`", self.nodes[node].registration.key)
    }

    fn verify_not_captive(&self, module: ModuleId, need: &Need, taker: &str, findings: &mut Findings) {
        let Some(held) = self.visible(module, need.key.id).and_then(|node| self.request_scoped(node)) else {
            return;
        };
        let held = &self.nodes[held].registration;
        findings.add(
            Finding::error(
                "core.E004",
                format!("{taker} would hold `{}`, which lives for one request", held.key),
            )
            .at(held.place.to_string())
            .fix(format!("make `{}` a singleton, or take it in the handler", held.key)),
        );
    }

    /// The request-scoped value that this one is, or holds by way of transient ones.
    fn request_scoped(&self, node: usize) -> Option<usize> {
        let mut open = vec![node];
        let mut seen = HashSet::new();
        while let Some(node) = open.pop() {
            if !seen.insert(node) {
                continue;
            }
            match self.nodes[node].registration.scope {
                Scope::Request => return Some(node),
                Scope::Transient => open.extend(self.dependencies(node)),
                Scope::Singleton => {}
            }
        }
        None
    }
}

/// What a module exports: its own providers, or those that its imports export to it.
fn exported(
    modules: &[GraphModule],
    own: &[HashMap<TypeId, Vec<usize>>],
    module: usize,
) -> HashMap<TypeId, Vec<usize>> {
    let mut exports = HashMap::new();
    for key in &modules[module].exports {
        if let Some(nodes) = own[module].get(&key.id) {
            exports.insert(key.id, nodes.clone());
            continue;
        }
        for import in &modules[module].imports {
            if let Some(nodes) = exported(modules, own, import.0).remove(&key.id) {
                merge(&mut exports, &HashMap::from([(key.id, nodes)]));
            }
        }
    }
    exports
}

fn merge(into: &mut HashMap<TypeId, Vec<usize>>, from: &HashMap<TypeId, Vec<usize>>) {
    for (id, nodes) in from {
        let known = into.entry(*id).or_default();
        for node in nodes {
            if !known.contains(node) {
                known.push(*node);
            }
        }
    }
}
