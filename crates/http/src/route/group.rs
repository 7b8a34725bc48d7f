//! Lists of routes, with a prefix, middleware and layers around them.

use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use http::Method;
use mainstay_core::Module;
use mainstay_core::container::Need;
use mainstay_core::module::ModuleInfo;

use super::endpoint::{Mounted, REST, Served};
use super::pattern::{Pattern, PatternFault, Segment};
use super::{EndpointLayer, Route, Wrapper, here};
use crate::describe::{Operation, Source};
use crate::files::StaticFiles;
use crate::middleware::Middleware;
use crate::version::{Deprecation, VersionRange};

/// Routes that belong together. `routes![list, show]` makes one.
#[derive(Clone, Default)]
pub struct Routes {
    pub(crate) prefix: String,
    pub(crate) items: Vec<Item>,
    pub(crate) wrappers: Vec<Wrapper>,
    pub(crate) versions: Option<VersionRange>,
    pub(crate) deprecation: Option<Deprecation>,
}

/// One entry of a list.
#[derive(Clone)]
pub(crate) enum Item {
    Route(Box<Route>),
    Nested(Routes),
    Mounted { prefix: String, router: Router, source: Source },
    Files { prefix: String, files: Box<StaticFiles>, source: Source },
}

/// Routes under a common prefix, with middleware and layers of their own.
///
/// ```
/// use http::Method;
/// use mainstay_http::{Group, Route, Routes};
///
/// let articles = Routes::new().route(Route::new(Method::GET, "/articles", async || "all of them"));
/// let api = Group::new("/api").routes(articles);
/// ```
#[derive(Clone)]
pub struct Group(pub(crate) Routes);

impl Routes {
    /// No routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.items.push(Item::Route(Box::new(route)));
        self
    }

    /// Adds all of another list, with what is around it.
    #[must_use]
    pub fn routes(mut self, routes: Self) -> Self {
        self.items.push(Item::Nested(routes));
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn group(self, group: Group) -> Self {
        self.routes(group.0)
    }

    /// Hands every request below `prefix` to an axum router, which sees the path without it.
    #[must_use]
    #[track_caller]
    pub fn mount(mut self, prefix: impl Into<String>, router: Router) -> Self {
        self.items.push(Item::Mounted { prefix: prefix.into(), router, source: here(Location::caller()) });
        self
    }

    /// Serves files below `prefix`: those of a folder, or [`Assets`](crate::files::Assets) from memory. A route of the
    /// same address goes before.
    ///
    /// ```
    /// use mainstay_http::Routes;
    ///
    /// let routes = Routes::new().static_files("/assets", "public");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn static_files(mut self, prefix: impl Into<String>, files: impl Into<StaticFiles>) -> Self {
        let (prefix, files) = (prefix.into(), Box::new(files.into()));
        self.items.push(Item::Files { prefix, files, source: here(Location::caller()) });
        self
    }

    /// Serves an application with a router of its own in the browser below `prefix`: what is no file there gets its
    /// `index.html`. See [`StaticFiles::single_page`].
    #[must_use]
    #[track_caller]
    pub fn single_page_app(self, prefix: impl Into<String>, files: impl Into<StaticFiles>) -> Self {
        self.static_files(prefix, files.into().single_page())
    }

    /// Puts a middleware around all of them. The first that is added meets a request first.
    #[must_use]
    pub fn middleware<Args: 'static>(mut self, middleware: impl Middleware<Args>) -> Self {
        self.wrappers.push(Wrapper::middleware(middleware));
        self
    }

    /// Puts a tower layer around each of them. The first that is added meets a request first.
    #[must_use]
    pub fn layer(mut self, layer: impl EndpointLayer) -> Self {
        self.wrappers.push(Wrapper::layer(layer));
        self
    }

    /// The versions of the API that those are there in that do not say it themselves, as [`Route::versions`].
    #[must_use]
    pub fn versions(mut self, versions: impl Into<VersionRange>) -> Self {
        self.versions = Some(versions.into());
        self
    }

    /// Says that clients should move away from all of them, as [`Route::deprecated`].
    #[must_use]
    pub fn deprecated(mut self, deprecation: Deprecation) -> Self {
        self.deprecation = Some(deprecation);
        self
    }
}

impl Routes {
    /// All files that are served, with the place where that is written.
    pub(crate) fn files(&self) -> Vec<(&StaticFiles, Source)> {
        let of = |item| match item {
            &Item::Files { ref files, source, .. } => vec![(&**files, source)],
            Item::Nested(nested) => nested.files(),
            Item::Route(_) | Item::Mounted { .. } => Vec::new(),
        };
        self.items.iter().flat_map(of).collect()
    }

    /// All of its routes, also those of groups in it.
    pub(crate) fn each_route(&self) -> Vec<&Route> {
        let mut all: Vec<&Route> = Vec::new();
        for item in &self.items {
            match item {
                Item::Route(route) => all.push(route),
                Item::Nested(nested) => all.extend(nested.each_route()),
                Item::Mounted { .. } | Item::Files { .. } => {}
            }
        }
        all
    }

    /// What all of its handlers, and what is around them, take from the container, and where.
    pub(crate) fn needs(&self) -> Vec<Need> {
        let of = |item: &Item| match item {
            Item::Route(route) => {
                let source = route.operation.source;
                let around = route.wrappers.iter().flat_map(Wrapper::needs);
                let needs = route.operation.needs.iter().copied().chain(around);
                needs.map(|need| need.at(source.file, source.line)).collect()
            }
            Item::Nested(nested) => nested.needs(),
            Item::Mounted { .. } | Item::Files { .. } => Vec::new(),
        };
        let around = self.wrappers.iter().flat_map(Wrapper::needs);
        self.items.iter().flat_map(of).chain(around).collect()
    }

    /// The built-in modules that the middleware in it ask for.
    pub(crate) fn brings(&self) -> Vec<Module> {
        let of = |item: &Item| match item {
            Item::Route(route) => route.wrappers.iter().flat_map(Wrapper::brings).collect(),
            Item::Nested(nested) => nested.brings(),
            Item::Mounted { .. } | Item::Files { .. } => Vec::new(),
        };
        let around = self.wrappers.iter().flat_map(Wrapper::brings);
        self.items.iter().flat_map(of).chain(around).collect()
    }
}

impl FromIterator<Route> for Routes {
    fn from_iter<I: IntoIterator<Item = Route>>(routes: I) -> Self {
        routes.into_iter().fold(Self::new(), Self::route)
    }
}

impl Group {
    /// An empty group. Its prefix may have parameters: `/{tenant}`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self(Routes { prefix: prefix.into(), ..Routes::new() })
    }

    /// Adds a route.
    #[must_use]
    pub fn route(self, route: Route) -> Self {
        Self(self.0.route(route))
    }

    /// Adds routes.
    #[must_use]
    pub fn routes(self, routes: Routes) -> Self {
        Self(self.0.routes(routes))
    }

    /// Adds a group within this one.
    #[must_use]
    pub fn group(self, group: Self) -> Self {
        Self(self.0.group(group))
    }

    /// Hands every request below `prefix` to an axum router, which sees the path without it.
    #[must_use]
    #[track_caller]
    pub fn mount(self, prefix: impl Into<String>, router: Router) -> Self {
        Self(self.0.mount(prefix, router))
    }

    /// Serves files below `prefix`, as [`Routes::static_files`].
    #[must_use]
    #[track_caller]
    pub fn static_files(self, prefix: impl Into<String>, files: impl Into<StaticFiles>) -> Self {
        Self(self.0.static_files(prefix, files))
    }

    /// Serves an application of one page below `prefix`, as [`Routes::single_page_app`].
    #[must_use]
    #[track_caller]
    pub fn single_page_app(self, prefix: impl Into<String>, files: impl Into<StaticFiles>) -> Self {
        Self(self.0.single_page_app(prefix, files))
    }

    /// Puts a middleware around all of them. The first that is added meets a request first.
    #[must_use]
    pub fn middleware<Args: 'static>(self, middleware: impl Middleware<Args>) -> Self {
        Self(self.0.middleware(middleware))
    }

    /// Puts a tower layer around each of them. The first that is added meets a request first.
    #[must_use]
    pub fn layer(self, layer: impl EndpointLayer) -> Self {
        Self(self.0.layer(layer))
    }

    /// The versions of the API that those are there in that do not say it themselves, as [`Route::versions`].
    #[must_use]
    pub fn versions(self, versions: impl Into<VersionRange>) -> Self {
        Self(self.0.versions(versions))
    }

    /// Says that clients should move away from all of them, as [`Route::deprecated`].
    #[must_use]
    pub fn deprecated(self, deprecation: Deprecation) -> Self {
        Self(self.0.deprecated(deprecation))
    }
}

/// A route in its place: with its whole pattern, and all that is around it.
pub(crate) struct Placed {
    pub(crate) route: Route,
    pub(crate) pattern: Result<Pattern, PatternFault>,
    pub(crate) wrappers: Vec<Wrapper>,
    pub(crate) module: ModuleInfo,
}

impl Placed {
    /// The method, or `*`.
    pub(crate) fn method(&self) -> &str {
        self.route.method.as_ref().map_or("*", Method::as_str)
    }

    /// For findings: `src/articles.rs:12 (show)`.
    pub(crate) fn place(&self) -> String {
        let Operation { source, name, .. } = &self.route.operation;
        format!("{}:{} ({name})", source.file, source.line)
    }
}

/// Puts every route of a list into its place. `around` is what the module puts around all of its routes, and `home` is
/// the folder from which relative paths start.
pub(crate) fn place(list: &Routes, module: &ModuleInfo, around: &[Wrapper], home: &Path) -> Vec<Placed> {
    let mut placed = Vec::new();
    let (prefix, wrappers) = (String::new(), around.to_vec());
    let place = Place { module, home, prefix, wrappers, versions: None, deprecation: None };
    place.list(list, &mut placed);
    placed
}

struct Place<'a> {
    module: &'a ModuleInfo,
    home: &'a Path,
    prefix: String,
    wrappers: Vec<Wrapper>,
    versions: Option<VersionRange>,
    deprecation: Option<&'a Deprecation>,
}

impl Place<'_> {
    fn list(&self, list: &Routes, placed: &mut Vec<Placed>) {
        let prefix = match list.prefix.as_str() {
            "" => self.prefix.clone(),
            prefix => Pattern::join(&self.prefix, prefix),
        };
        let wrappers = self.wrappers.iter().chain(&list.wrappers).cloned().collect();
        let inner = Place {
            prefix,
            wrappers,
            versions: list.versions.or(self.versions),
            deprecation: list.deprecation.as_ref().or(self.deprecation),
            ..*self
        };
        for item in &list.items {
            match item {
                Item::Route(route) => inner.route((**route).clone(), placed),
                Item::Nested(nested) => inner.list(nested, placed),
                Item::Mounted { prefix, router, source } => inner.mount(prefix, router, *source, placed),
                Item::Files { prefix, files, source } => {
                    let handler = Arc::new(Served((**files).clone().within(self.home)));
                    inner.below(prefix, placed, |path| {
                        let mut route = Route::made(Some(Method::GET), path, handler.clone(), *source);
                        route.settings.yields = true;
                        route.operation.hidden = true;
                        route
                    });
                }
            }
        }
    }

    fn route(&self, mut route: Route, placed: &mut Vec<Placed>) {
        // A path without slash must not melt into the prefix: `/api` and `articles` are no `/apiarticles`.
        let pattern = if route.operation.path.starts_with('/') {
            route.operation.path = Pattern::join(&self.prefix, &route.operation.path);
            Pattern::parse(&route.operation.path)
        } else {
            Err(PatternFault::MissingSlash)
        };
        if pattern.is_ok() {
            route.operation.complete_path();
        }
        let wrappers: Vec<_> = self.wrappers.iter().chain(&route.wrappers).cloned().collect();
        for wrapper in &wrappers {
            wrapper.describe(&mut route.operation);
        }
        route.settings.versions = route.settings.versions.or(self.versions);
        let deprecation = route.settings.deprecation.take().or_else(|| self.deprecation.cloned());
        if let Some(deprecation) = &deprecation {
            deprecation.describe(&mut route.operation);
        }
        route.settings.deprecation = deprecation;
        placed.push(Placed { route, pattern, wrappers, module: self.module.clone() });
    }

    /// A mounted router takes its prefix with and without slash, and all that is below.
    fn mount(&self, prefix: &str, router: &Router, source: Source, placed: &mut Vec<Placed>) {
        let whole = Pattern::join(&self.prefix, if prefix.is_empty() { "/" } else { prefix });
        let whole = whole.trim_end_matches('/');
        let router = match Pattern::parse(whole) {
            Ok(pattern) if !pattern.segments.contains(&Segment::CatchAll) => {
                Router::new().nest(&pattern.named, router.clone())
            }
            // The root needs no nesting. A faulty prefix is reported below, and never asked.
            _ => router.clone(),
        };
        let handler = Arc::new(Mounted(router));
        self.below(prefix, placed, |path| Route::made(None, path, handler.clone(), source));
    }

    /// Routes for a prefix with and without slash, and for all that is below.
    fn below(&self, prefix: &str, placed: &mut Vec<Placed>, route: impl Fn(String) -> Route) {
        let below =
            if prefix.starts_with('/') || prefix.is_empty() { prefix.trim_end_matches('/') } else { prefix };
        let own =
            if below.is_empty() { vec!["/".to_owned()] } else { vec![below.to_owned(), format!("{below}/")] };
        for path in own.into_iter().chain([format!("{below}/{{*{REST}}}")]) {
            let mut route = route(path);
            route.operation.needs_axum_router = false;
            self.route(route, placed);
        }
    }
}
