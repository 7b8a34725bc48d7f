//! Every route, frozen at start: path, then node, then method.
//!
//! A path without parameters is found in a hash table, any other in a tree of segments.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri};
use mainstay_core::metrics::Metrics;
use mainstay_core::origin::Origin;
use mainstay_core::{Findings, Resolver};

use super::endpoint::{Endpoint, through_axum};
use super::group::Placed;
use super::hasher::PathHasher;
use super::matched::{RouteMatch, Spans};
use super::path::{PathFault, normalise};
use super::tree::Tree;
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

#[derive(Default)]
struct Node {
    methods: Vec<(Method, Arc<Leaf>)>,
    any: Option<Arc<Leaf>>,
    allow: Option<HeaderValue>,
}

impl Node {
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
    tree: Tree,
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
            tree: Tree::default(),
            nodes: Vec::new(),
            leaves: Vec::new(),
            implemented: STANDARD.to_vec(),
            slash: with.slash,
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
            table.grow(index, leaf(route, with));
        }
        for node in &mut table.nodes {
            node.allow = Some(allow(node));
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
        if let Some((node, spans)) = self.tree.find(path) {
            let whole = || rewritten.or_else(|| uri.path_and_query()).map(|whole| (whole.clone(), spans));
            return self.at(node, method, whole);
        }
        Found::Refused(self.miss(method, path, uri.query()))
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
            None if *method == Method::OPTIONS => Found::Refused(Refusal::Options { allow: allow_of(node) }),
            None if !self.knows(method) => Found::Refused(Refusal::NotImplemented),
            None => Found::Refused(Refusal::WrongMethod { allow: allow_of(node) }),
        }
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

fn allow_of(node: &Node) -> HeaderValue {
    node.allow.clone().unwrap_or_else(|| allow(node))
}

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
        origin: Origin::new(&route.operation.path),
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
