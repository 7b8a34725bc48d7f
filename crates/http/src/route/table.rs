//! Every route, frozen at start: path, then node, then method.
//!
//! A path without parameters is found in a hash table, any other in a tree of segments. Where a method of a path has several
//! versions, the header of the request is asked last.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri};
use mainstay_core::metrics::Metrics;
use mainstay_core::origin::Origin;
use mainstay_core::{Error, Findings, Resolver, redaction};

use super::endpoint::{Endpoint, through_axum};
use super::group::Placed;
use super::hasher::PathHasher;
use super::matched::{RouteMatch, Spans};
use super::path::{PathFault, normalise};
use super::tree::Tree;
use super::{RouteInfo, Wrapper, conflict, label};
use crate::middleware::Chained;
use crate::stack::metrics::RouteMetrics;
use crate::version::{ApiVersions, Marks, NoSuchVersion, WrongVersion};

/// What is at one method of one pattern.
pub(crate) struct Leaf {
    pub(crate) info: Arc<RouteInfo>,
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) names: Arc<[String]>,
    /// The container as the route's module sees it; none where the table is only looked at.
    pub(crate) resolver: Option<Resolver>,
    /// Nothing around it or in it looks at the request, so that nothing need be prepared.
    pub(crate) bare: bool,
    /// What its answers carry; of a route with versions, each version has its own.
    marks: Option<Arc<Marks>>,
}

#[derive(Default)]
struct Node {
    methods: Vec<(Method, Arc<Leaf>)>,
    any: Option<Arc<Leaf>>,
    /// By method, none for any, what is there in which version.
    versioned: Vec<(Option<Method>, Vec<Version>)>,
    allow: Option<HeaderValue>,
}

/// What is at one method of one pattern in one version.
#[derive(Clone)]
struct Version {
    number: u32,
    leaf: Arc<Leaf>,
    marks: Option<Arc<Marks>>,
}

/// What is at one method of one pattern.
enum Slot<'n> {
    One(&'n Arc<Leaf>),
    Versions(&'n [Version]),
}

impl Node {
    fn slot(&self, method: &Method) -> Option<Slot<'_>> {
        let of = |method: &Method| {
            let plain = self.methods.iter().find(|(known, _)| known == method);
            plain.map(|(_, leaf)| Slot::One(leaf)).or_else(|| self.versions(Some(method)))
        };
        of(method)
            .or_else(|| if *method == Method::HEAD { of(&Method::GET) } else { None })
            .or_else(|| self.any.as_ref().map(Slot::One))
            .or_else(|| self.versions(None))
    }

    /// HEAD asks for what GET answers in the versions that have no HEAD of their own.
    fn complete_head(&mut self) {
        let of =
            |method: &Method| self.versioned.iter().position(|(known, _)| known.as_ref() == Some(method));
        let (Some(head), Some(get)) = (of(&Method::HEAD), of(&Method::GET)) else { return };
        let mut versions = self.versioned[head].1.clone();
        let own: Vec<u32> = versions.iter().map(|version| version.number).collect();
        versions.extend(self.versioned[get].1.iter().filter(|one| !own.contains(&one.number)).cloned());
        versions.sort_by_key(|version| version.number);
        self.versioned[head].1 = versions;
    }

    fn versions(&self, method: Option<&Method>) -> Option<Slot<'_>> {
        let found = self.versioned.iter().find(|(known, _)| known.as_ref() == method)?;
        Some(Slot::Versions(&found.1))
    }

    /// Every method that has a route of its own.
    fn methods(&self) -> impl Iterator<Item = &Method> {
        let versioned = self.versioned.iter().filter_map(|(method, _)| method.as_ref());
        self.methods.iter().map(|(method, _)| method).chain(versioned)
    }

    fn takes_any(&self) -> bool {
        self.any.is_some() || self.versions(None).is_some()
    }
}

/// The frozen table.
pub(crate) struct Table {
    literal: HashMap<Box<str>, usize, BuildHasherDefault<PathHasher>>,
    tree: Tree,
    nodes: Vec<Node>,
    leaves: Vec<Arc<Leaf>>,
    implemented: Vec<Method>,
    slash: TrailingSlash,
    versions: Option<ApiVersions>,
}

/// What to do with `/articles/` where only `/articles` is a route, and the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrailingSlash {
    /// Send the client there (308).
    #[default]
    Redirect,
    /// They are two paths: 404.
    Strict,
}

/// What a table is frozen with.
pub(crate) struct With<'a> {
    pub(crate) slash: TrailingSlash,
    /// None where the table is only looked at.
    pub(crate) resolver: Option<&'a Resolver>,
    /// None where the table is only looked at.
    pub(crate) metrics: Option<&'a Metrics>,
    pub(crate) versions: Option<&'a ApiVersions>,
}

/// What a request asks for, beside its path.
type Asked<'r> = (&'r Method, &'r HeaderMap);

/// What the table says to a request.
pub(crate) enum Found<'t> {
    /// This route, with what its parameters are, and what its answers carry.
    Leaf { leaf: &'t Arc<Leaf>, matched: Option<RouteMatch>, marks: Option<&'t Arc<Marks>> },
    /// No route.
    Refused(Refusal),
}

/// Why there is no route.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    NotFound,
    WrongMethod {
        allow: HeaderValue,
    },
    Options {
        allow: HeaderValue,
    },
    NotImplemented,
    Moved {
        location: HeaderValue,
    },
    BadPath(PathFault),
    WrongVersion(NoSuchVersion),
    /// There is one, but not for this sender, or no longer.
    NotAdmitted(Arc<Error>),
}

impl Table {
    /// Freezes `placed`. What is wrong with them goes to `findings`; what is wrong is left out, so that all is found
    /// in one run.
    pub(crate) fn freeze(placed: Vec<Placed>, with: &With<'_>, findings: &mut Findings) -> Self {
        let placed = conflict::settle(placed, findings);
        let mut table = Self {
            literal: HashMap::default(),
            tree: Tree::default(),
            nodes: Vec::new(),
            leaves: Vec::new(),
            implemented: STANDARD.to_vec(),
            slash: with.slash,
            versions: with.versions.cloned(),
        };
        let mut shapes: HashMap<String, usize> = HashMap::new();
        for route in placed {
            let Ok(pattern) = &route.pattern else { continue };
            let index = *shapes.entry(pattern.shape.clone()).or_insert(table.nodes.len());
            if index == table.nodes.len() {
                table.nodes.push(Node::default());
                if pattern.names.is_empty() {
                    table.literal.insert(pattern.shape.as_str().into(), index);
                } else {
                    table.tree.insert(&pattern.segments, index);
                }
            }
            table.grow(index, leaf(route, with), with);
        }
        for node in &mut table.nodes {
            node.complete_head();
            node.allow = Some(allow(node));
        }
        table
    }

    fn grow(&mut self, index: usize, leaf: Leaf, with: &With<'_>) {
        let leaf = Arc::new(leaf);
        self.leaves.push(leaf.clone());
        if let Some(method) = &leaf.info.method
            && !self.implemented.contains(method)
        {
            self.implemented.push(method.clone());
        }
        let node = &mut self.nodes[index];
        let method = leaf.info.method.clone();
        match (leaf.info.versions, with.versions, method) {
            (Some(range), Some(api), method) => {
                let there = match node.versioned.iter().position(|(known, _)| *known == method) {
                    Some(there) => there,
                    None => {
                        node.versioned.push((method, Vec::new()));
                        node.versioned.len() - 1
                    }
                };
                for number in api.within(range) {
                    let marks = marks(&leaf.info, Some((api, number)), with);
                    node.versioned[there].1.push(Version { number, leaf: Arc::clone(&leaf), marks });
                }
                node.versioned[there].1.sort_by_key(|version| version.number);
            }
            (_, _, Some(method)) => node.methods.push((method, leaf)),
            (_, _, None) => node.any = Some(leaf),
        }
    }

    /// Every route, in the order of the modules.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Arc<RouteInfo>> {
        self.leaves.iter().map(|leaf| &leaf.info)
    }

    /// Finds the route of a request. A path that means the same as another is brought to one form first; the second
    /// value is that form where it differs from what the client wrote.
    pub(crate) fn find(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> (Found<'_>, Option<PathAndQuery>) {
        let path = match normalise(uri.path()) {
            Ok(path) => path,
            Err(fault) => return (Found::Refused(Refusal::BadPath(fault)), None),
        };
        let rewritten = match path {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(path) => {
                let whole = match uri.query() {
                    Some(query) => format!("{path}?{query}"),
                    None => path,
                };
                PathAndQuery::try_from(whole).ok()
            }
        };
        (self.find_normal((method, headers), rewritten.as_ref(), uri), rewritten)
    }

    fn find_normal(&self, asked: Asked<'_>, rewritten: Option<&PathAndQuery>, uri: &Uri) -> Found<'_> {
        let path = rewritten.map_or(uri.path(), PathAndQuery::path);
        if let Some(node) = self.literal.get(path) {
            return self.at(*node, asked, || None);
        }
        if let Some((node, spans)) = self.tree.find(path) {
            let whole = || rewritten.or_else(|| uri.path_and_query()).map(|whole| (whole.clone(), spans));
            return self.at(node, asked, whole);
        }
        Found::Refused(self.miss(asked.0, path, uri.query()))
    }

    fn at(
        &self,
        node: usize,
        (method, headers): Asked<'_>,
        spans: impl FnOnce() -> Option<(PathAndQuery, Spans)>,
    ) -> Found<'_> {
        let node = &self.nodes[node];
        let found = match node.slot(method) {
            Some(Slot::One(leaf)) => Some((leaf, leaf.marks.as_ref())),
            Some(Slot::Versions(versions)) => match self.version(versions, headers) {
                Ok(version) => Some((&version.leaf, version.marks.as_ref())),
                Err(refusal) => return Found::Refused(refusal),
            },
            None => None,
        };
        match found {
            Some((leaf, marks)) => {
                let matched = if leaf.bare {
                    None
                } else {
                    spans().map(|(path, at)| RouteMatch::new(leaf.names.clone(), path, at))
                };
                Found::Leaf { leaf, matched, marks }
            }
            None if *method == Method::OPTIONS => Found::Refused(Refusal::Options { allow: allow_of(node) }),
            None if !self.knows(method) => Found::Refused(Refusal::NotImplemented),
            None => Found::Refused(Refusal::WrongMethod { allow: allow_of(node) }),
        }
    }

    /// The version that a request asks for.
    fn version<'v>(&self, versions: &'v [Version], headers: &HeaderMap) -> Result<&'v Version, Refusal> {
        let Some(api) = &self.versions else { return Err(Refusal::NotFound) };
        let wrong = match api.asked(headers) {
            Ok(asked) => match versions.iter().find(|version| version.number == asked) {
                Some(version) => return Ok(version),
                None => WrongVersion::Unknown { asked: asked.to_string() },
            },
            Err(wrong) => wrong,
        };
        let there: Vec<u32> = versions.iter().map(|version| version.number).collect();
        Err(Refusal::WrongVersion(api.refuse(wrong, &there)))
    }

    /// Whether a method is one of some route, or one that HTTP has: TRACE and QUERY are known where no route takes them.
    fn knows(&self, method: &Method) -> bool {
        ["TRACE", "QUERY"].contains(&method.as_str()) || self.implemented.contains(method)
    }

    fn miss(&self, method: &Method, path: &str, query: Option<&str>) -> Refusal {
        if path == "*" && *method == Method::OPTIONS {
            let allow = join(self.implemented.iter());
            return Refusal::Options { allow };
        }
        if !self.knows(method) {
            return Refusal::NotImplemented;
        }
        if self.slash == TrailingSlash::Redirect
            && let Some(location) = self.elsewhere(method, path, query)
        {
            return Refusal::Moved { location };
        }
        Refusal::NotFound
    }

    /// The same path with or without its last slash, if that is a route.
    fn elsewhere(&self, method: &Method, path: &str, query: Option<&str>) -> Option<HeaderValue> {
        // A browser takes `//host` and `/\host` for another site.
        if path.len() < 2 || matches!(path.as_bytes().get(1), Some(b'/' | b'\\')) {
            return None;
        }
        let mut other = match path.strip_suffix('/') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        let node = match self.literal.get(other.as_str()) {
            Some(node) => *node,
            None => self.tree.find(&other)?.0,
        };
        self.nodes[node].slot(method)?;
        if let Some(query) = query {
            other.push('?');
            other.push_str(query);
        }
        HeaderValue::try_from(other).ok()
    }
}

/// What every server is expected to understand (RFC 9110, 9.1) and this one can. Others are implemented once a route
/// has them.
const STANDARD: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

fn allow_of(node: &Node) -> HeaderValue {
    node.allow.clone().unwrap_or_else(|| allow(node))
}

fn allow(node: &Node) -> HeaderValue {
    if node.takes_any() {
        return join(STANDARD.iter());
    }
    let has = |method: &Method| node.methods().any(|known| known == method);
    let mut methods: Vec<&Method> = STANDARD
        .iter()
        .filter(|method| {
            has(method) || **method == Method::OPTIONS || (**method == Method::HEAD && has(&Method::GET))
        })
        .collect();
    methods.extend(node.methods().filter(|method| !STANDARD.contains(method)));
    join(methods.into_iter())
}

fn join<'m>(methods: impl Iterator<Item = &'m Method>) -> HeaderValue {
    let names: Vec<&str> = methods.map(Method::as_str).collect();
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static("GET"))
}

fn leaf(placed: Placed, with: &With<'_>) -> Leaf {
    let Placed { route, pattern, wrappers, module } = placed;
    let (named, names) = match pattern {
        Ok(pattern) => (pattern.named, pattern.names),
        Err(_) => (String::new(), Arc::from([])),
    };
    let bare = route.handler.takes_nothing() && wrappers.is_empty();
    let mut inner = route.handler.direct();
    if route.operation.needs_axum_router {
        inner = through_axum(inner, &named);
    }
    let metrics = match with.metrics {
        Some(metrics) => {
            let method = route.method.as_ref().map_or("any", Method::as_str);
            let route = label(&route.operation.path, route.settings.versions);
            RouteMetrics::registered(metrics, method, &route)
        }
        None => RouteMetrics::unregistered(),
    };
    let resolver = with.resolver.map(|resolver| resolver.of_module(module.id));
    let info = RouteInfo {
        origin: Origin::new(&route.operation.path),
        operation: route.operation,
        method: route.method,
        name: route.settings.name,
        versions: route.settings.versions,
        deprecation: route.settings.deprecation,
        module: module.name,
        encoded: named,
        body_limit: route.settings.body_limit,
        timeout: route.settings.timeout,
        cross_origin: route.settings.cross_origin,
        any_host: route.settings.any_host,
        has_secret: names.iter().any(|name| redaction::is_secret(name)),
        hang_up: route.settings.hang_up,
        hands_over: route.settings.hands_over,
        metrics,
    };
    let marks = marks(&info, None, with);
    Leaf { info: Arc::new(info), endpoint: wrap(inner, wrappers), names, resolver, bare, marks }
}

/// What the answers of a route carry, in one version if it has several.
fn marks(info: &RouteInfo, api: Option<(&ApiVersions, u32)>, with: &With<'_>) -> Option<Arc<Marks>> {
    if api.is_none() && info.versions.is_some() {
        return None;
    }
    let of_version = api.and_then(|(api, version)| api.deprecation_of(version));
    let deprecation = info.deprecation.as_ref().or(of_version);
    let method = info.method.as_ref().map_or("any", Method::as_str);
    Marks::new(api, deprecation, (method, info.pattern()), with.metrics)
}

/// Puts `wrappers`, the outermost first, around `endpoint`. Middleware that follow one another share a chain.
pub(crate) fn wrap(mut endpoint: Arc<dyn Endpoint>, wrappers: Vec<Wrapper>) -> Arc<dyn Endpoint> {
    let mut run = Vec::new();
    for wrapper in wrappers.into_iter().rev() {
        match wrapper {
            Wrapper::Middleware(middleware) => run.insert(0, middleware),
            Wrapper::Layer(layer) => {
                endpoint = layer.wrap(chain(std::mem::take(&mut run), endpoint));
            }
        }
    }
    chain(run, endpoint)
}

fn chain(
    run: Vec<Arc<dyn crate::middleware::AnyMiddleware>>,
    endpoint: Arc<dyn Endpoint>,
) -> Arc<dyn Endpoint> {
    if run.is_empty() { endpoint } else { Arc::new(Chained::new(run, endpoint)) }
}
