//! Every route, frozen at start: path, then node, then method.
//!
//! A path without parameters is found in a hash table, any other in a radix tree (`matchit`, which axum uses too). So
//! the order in which routes were added never matters: a literal goes before a parameter, a parameter before a
//! catch-all.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri};
use mainstay_core::metrics::Metrics;
use mainstay_core::{Findings, Resolver};
use matchit::{InsertError, Match};

use super::endpoint::{Endpoint, through_axum};
use super::group::Placed;
use super::matched::{RouteMatch, Spans};
use super::path::{PathFault, normalise};
use super::{RouteInfo, Wrapper, conflict};
use crate::middleware::Chained;
use crate::stack::metrics::RouteMetrics;

/// What is at one method of one pattern.
pub(crate) struct Leaf {
    pub(crate) info: Arc<RouteInfo>,
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) names: Arc<[String]>,
    /// The container as the route's module sees it; none where the table is only looked at.
    pub(crate) resolver: Option<Resolver>,
    /// Nothing around it or in it looks at the request, so that nothing need be prepared.
    pub(crate) bare: bool,
}

struct Node {
    catches_all: bool,
    methods: Vec<(Method, Arc<Leaf>)>,
    any: Option<Arc<Leaf>>,
    allow: HeaderValue,
}

impl Node {
    fn new(catches_all: bool) -> Self {
        Self { catches_all, methods: Vec::new(), any: None, allow: HeaderValue::from_static("") }
    }

    fn first(&self) -> Option<&RouteInfo> {
        self.methods.first().map(|(_, leaf)| leaf).or(self.any.as_ref()).map(|leaf| &*leaf.info)
    }

    fn leaf(&self, method: &Method) -> Option<&Arc<Leaf>> {
        let of =
            |method: &Method| self.methods.iter().find(|(known, _)| known == method).map(|(_, leaf)| leaf);
        of(method)
            .or_else(|| if *method == Method::HEAD { of(&Method::GET) } else { None })
            .or(self.any.as_ref())
    }
}

/// The frozen table.
pub(crate) struct Table {
    literal: HashMap<Box<str>, usize, BuildHasherDefault<PathHasher>>,
    tree: matchit::Router<usize>,
    /// Catch-alls whose place in the tree is taken by a parameter (`/{slug}` beside `/{*rest}`): asked on a miss.
    rest: Vec<matchit::Router<usize>>,
    nodes: Vec<Node>,
    leaves: Vec<Arc<Leaf>>,
    implemented: Vec<Method>,
    slash: TrailingSlash,
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
}

/// What the table says to a request.
pub(crate) enum Found<'t> {
    /// This route, with what its parameters are.
    Leaf { leaf: &'t Arc<Leaf>, matched: Option<RouteMatch> },
    /// No route.
    Refused(Refusal),
}

/// Why there is no route.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    NotFound,
    WrongMethod { allow: HeaderValue },
    Options { allow: HeaderValue },
    NotImplemented,
    Moved { location: HeaderValue },
    BadPath(PathFault),
}

impl Table {
    /// Freezes `placed`. What is wrong with them goes to `findings`; what is wrong is left out, so that all is found
    /// in one run.
    pub(crate) fn freeze(placed: Vec<Placed>, with: &With<'_>, findings: &mut Findings) -> Self {
        let placed = conflict::settle(placed, findings);
        let mut table = Self {
            literal: HashMap::default(),
            tree: matchit::Router::new(),
            rest: Vec::new(),
            nodes: Vec::new(),
            leaves: Vec::new(),
            implemented: STANDARD.to_vec(),
            slash: with.slash,
        };
        let mut shapes: HashMap<String, usize> = HashMap::new();
        let mut late = Vec::new();
        for route in placed {
            let Ok(pattern) = &route.pattern else { continue };
            let (shape, catches_all, names) =
                (pattern.shape.clone(), pattern.catches_all, pattern.names.clone());
            let index = *shapes.entry(shape.clone()).or_insert(table.nodes.len());
            if index == table.nodes.len() {
                table.nodes.push(Node::new(catches_all));
                if names.is_empty() {
                    table.literal.insert(shape.into(), index);
                } else if catches_all {
                    late.push((shape, index));
                } else if let Err(error) = table.tree.insert(shape, index) {
                    let other = match &error {
                        InsertError::Conflict { with } => {
                            shapes.get(with).and_then(|node| table.nodes[*node].first())
                        }
                        _ => None,
                    };
                    findings.add(conflict::indistinct(&route, other, &error));
                }
            }
            table.grow(index, leaf(route, with));
        }
        for (shape, index) in late {
            if table.tree.insert(shape.clone(), index).is_err() {
                table.insert_rest(&shape, index);
            }
        }
        for node in &mut table.nodes {
            node.allow = allow(node);
        }
        table
    }

    fn grow(&mut self, index: usize, leaf: Leaf) {
        let leaf = Arc::new(leaf);
        self.leaves.push(leaf.clone());
        let node = &mut self.nodes[index];
        match &leaf.info.method {
            Some(method) => {
                if !self.implemented.contains(method) {
                    self.implemented.push(method.clone());
                }
                node.methods.push((method.clone(), leaf));
            }
            None => node.any = Some(leaf),
        }
    }

    /// Every route, in the order of the modules.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Arc<RouteInfo>> {
        self.leaves.iter().map(|leaf| &leaf.info)
    }

    /// Finds the route of a request. A path that means the same as another is brought to one form first; the second
    /// value is that form where it differs from what the client wrote.
    pub(crate) fn find(&self, method: &Method, uri: &Uri) -> (Found<'_>, Option<PathAndQuery>) {
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
        (self.find_normal(method, rewritten.as_ref(), uri), rewritten)
    }

    fn find_normal(&self, method: &Method, rewritten: Option<&PathAndQuery>, uri: &Uri) -> Found<'_> {
        let path = rewritten.map_or(uri.path(), PathAndQuery::path);
        if let Some(node) = self.literal.get(path) {
            return self.at(*node, method, || None);
        }
        if let Some(found) = self.search(path) {
            let spans = || {
                let whole = rewritten.or_else(|| uri.path_and_query())?;
                let values: Vec<&str> = found.params.iter().map(|(_, value)| value).collect();
                Some((whole.clone(), Spans::of(path, values.into_iter())))
            };
            return self.at(*found.value, method, spans);
        }
        Found::Refused(self.miss(method, path, uri.query()))
    }

    /// Of several catch-alls, the one that begins last in the path is the most specific.
    fn search<'t, 'p>(&'t self, path: &'p str) -> Option<Match<'t, 'p, &'t usize>> {
        let found = self.tree.at(path).ok();
        if self.rest.is_empty() || found.as_ref().is_some_and(|found| !self.nodes[*found.value].catches_all) {
            return found;
        }
        let caught =
            |found: &Match<'_, '_, &usize>| found.params.iter().last().map_or(0, |(_, value)| value.len());
        found.into_iter().chain(self.rest.iter().filter_map(|tree| tree.at(path).ok())).min_by_key(caught)
    }

    fn insert_rest(&mut self, shape: &str, index: usize) {
        for tree in &mut self.rest {
            if tree.insert(shape, index).is_ok() {
                return;
            }
        }
        let mut tree = matchit::Router::new();
        // An empty tree takes every pattern that has been read.
        let _ = tree.insert(shape, index);
        self.rest.push(tree);
    }

    fn at(
        &self,
        node: usize,
        method: &Method,
        spans: impl FnOnce() -> Option<(PathAndQuery, Spans)>,
    ) -> Found<'_> {
        let node = &self.nodes[node];
        match node.leaf(method) {
            Some(leaf) => {
                let matched = if leaf.bare {
                    None
                } else {
                    spans().map(|(path, at)| RouteMatch::new(leaf.names.clone(), path, at))
                };
                Found::Leaf { leaf, matched }
            }
            None if *method == Method::OPTIONS => {
                Found::Refused(Refusal::Options { allow: node.allow.clone() })
            }
            None if !self.implemented.contains(method) => Found::Refused(Refusal::NotImplemented),
            None => Found::Refused(Refusal::WrongMethod { allow: node.allow.clone() }),
        }
    }

    fn miss(&self, method: &Method, path: &str, query: Option<&str>) -> Refusal {
        if path == "*" && *method == Method::OPTIONS {
            let allow = join(self.implemented.iter());
            return Refusal::Options { allow };
        }
        if !self.implemented.contains(method) {
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
            None => *self.tree.at(&other).ok()?.value,
        };
        self.nodes[node].leaf(method)?;
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

fn allow(node: &Node) -> HeaderValue {
    if node.any.is_some() {
        return join(STANDARD.iter());
    }
    let has = |method: &Method| node.methods.iter().any(|(known, _)| known == method);
    let mut methods: Vec<&Method> = STANDARD
        .iter()
        .filter(|method| {
            has(method) || **method == Method::OPTIONS || (**method == Method::HEAD && has(&Method::GET))
        })
        .collect();
    methods.extend(node.methods.iter().map(|(method, _)| method).filter(|method| !STANDARD.contains(method)));
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
            RouteMetrics::registered(metrics, method, &route.operation.path)
        }
        None => RouteMetrics::unregistered(),
    };
    let resolver = with.resolver.map(|resolver| resolver.of_module(module.id));
    let info = RouteInfo {
        operation: route.operation,
        method: route.method,
        name: route.settings.name,
        module: module.name,
        encoded: named,
        body_limit: route.settings.body_limit,
        timeout: route.settings.timeout,
        cross_origin: route.settings.cross_origin,
        any_host: route.settings.any_host,
        hang_up: route.settings.hang_up,
        metrics,
    };
    Leaf { info: Arc::new(info), endpoint: wrap(inner, wrappers), names, resolver, bare }
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

/// FxHash (Firefox, rustc) over eight bytes at a time. The keys are the application's own, so nobody can make a long
/// bucket, and the standard hasher's protection would cost more than the rest of the look-up.
#[derive(Default)]
pub(crate) struct PathHasher(u64);

impl PathHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, _end_of_text: u8) {}

    fn finish(&self) -> u64 {
        // The table takes the upper bits for its tags and the lower for its buckets.
        self.0 ^ (self.0 >> 32)
    }
}
