//! The built-in module `http`: configuration, the [`Http`] value, checks, the command `routes`.
//!
//! It is installed by the first route, stack edit or other contribution of this crate.

mod command;
mod deploy;
mod listener;
mod probes;

use std::path::Path;
use std::sync::Arc;

use mainstay_core::check::Check;
use mainstay_core::container::Need;
use mainstay_core::module::ModuleInfo;
use mainstay_core::{
    Assembly, Contribute, Contribution, Contributions, CoreContributions, Finding, Findings, Module, Profile,
    Provider, StatusCode,
};

use crate::app::Http;
use crate::config::HttpConfig;
use crate::describe::{ErrorSpec, SecuritySpec};
use crate::files::StaticFiles;
use crate::links::{self, Links};
use crate::middleware::Middleware;
use crate::render::Translation;
use crate::resumable::ResumableUploads;
use crate::route::group::{Placed, place};
use crate::route::table::{Table, With};
use crate::route::{EndpointLayer, Group, Route, RouteInfo, Routes, Wrapper};
use crate::stack::Stack;
use crate::stack::body_limit::BodyLimit;
use crate::stack::compression::Compression;
use crate::stack::cors::Cors;
use crate::stack::csrf::CrossOriginProtection;
use crate::stack::headers::{SecurityHeaders, reports};
use crate::stack::metrics::{RequestMetrics, RouteMetrics};
use crate::stack::principal::Authenticator;
use crate::stack::proxies::Proxies;
use crate::stack::request_id::RequestIds;
use crate::version::{self, ApiVersions};

const NAME: &str = "http";

/// The module `http`.
pub(crate) fn http() -> Module {
    Module::new(NAME)
        .global()
        .config::<HttpConfig>()
        .provide(Http::new)
        .export::<Http>()
        .provide(Provider::singleton(Links::new).on_demand())
        .export::<Links>()
        .check(Check::at_start(at_start))
        .check(Check::at_start(find_public_url))
        .check(Check::at_deploy(deploy::check))
        .command(command::routes())
        .service(listener::listener())
}

/// What this crate adds to an application and to a module. In the prelude.
pub trait RoutesExt: Contribute {
    /// Adds routes: `.routes(routes![list, show])`.
    #[must_use]
    fn routes(self, routes: Routes) -> Self {
        self.contribute(routes)
    }

    /// Adds one route.
    #[must_use]
    fn route(self, route: Route) -> Self {
        self.contribute(Routes::new().route(route))
    }

    /// Adds routes under a common prefix.
    #[must_use]
    fn group(self, group: Group) -> Self {
        self.contribute(Routes::new().group(group))
    }

    /// Hands every request below `prefix` to an axum router, which sees the path without it.
    #[must_use]
    #[track_caller]
    fn mount(self, prefix: impl Into<String>, router: axum::Router) -> Self {
        self.contribute(Routes::new().mount(prefix, router))
    }

    /// Serves files below `prefix`: those of a folder, or [`Assets`](crate::files::Assets) from memory. A route of the
    /// same address goes before. See [`StaticFiles`].
    #[must_use]
    #[track_caller]
    fn static_files(self, prefix: impl Into<String>, files: impl Into<StaticFiles>) -> Self {
        self.contribute(Routes::new().static_files(prefix, files))
    }

    /// Serves an application with a router of its own in the browser below `prefix`: what is no file there gets its
    /// `index.html`. See [`StaticFiles::single_page`].
    #[must_use]
    #[track_caller]
    fn single_page_app(self, prefix: impl Into<String>, files: impl Into<StaticFiles>) -> Self {
        self.contribute(Routes::new().single_page_app(prefix, files))
    }

    /// Takes files that go on where they were cut off. See [`resumable`](crate::resumable).
    #[must_use]
    fn resumable_uploads(self, uploads: ResumableUploads) -> Self {
        self.contribute(Routes::from(uploads))
    }

    /// Puts a middleware around all routes of the module; on the application itself, around everything, also around
    /// what has no route. The first that is added meets a request first.
    #[must_use]
    fn middleware<Args: 'static>(self, middleware: impl Middleware<Args>) -> Self {
        self.contribute(Around(Wrapper::middleware(middleware)))
    }

    /// Puts a tower layer around each route of the module, or, on the application, around each of all.
    #[must_use]
    fn layer(self, layer: impl EndpointLayer) -> Self {
        self.contribute(Around(Wrapper::layer(layer)))
    }

    /// Says errors in another language, to whoever reads it best.
    #[must_use]
    fn translation(self, translation: Translation) -> Self {
        self.contribute(translation)
    }

    /// Says which versions the API has, and how a request says for which one it is. See [`ApiVersions`].
    #[must_use]
    fn api_versions(self, versions: ApiVersions) -> Self {
        self.contribute(versions)
    }

    /// Changes the default stack: `.stack(|stack| stack.remove("csrf"))`.
    #[must_use]
    fn stack(self, edit: impl Fn(Stack) -> Stack + Send + Sync + 'static) -> Self {
        self.contribute(StackEdit(Box::new(edit)))
    }
}

impl<C: Contribute> RoutesExt for C {}

impl Contribution for Routes {
    fn installs() -> Option<Module> {
        Some(http())
    }

    fn needs(&self) -> Vec<Need> {
        self.needs()
    }

    fn brings(&self) -> Vec<Module> {
        self.brings()
    }
}

/// A contribution: what is around the routes of a module.
struct Around(Wrapper);

impl Contribution for Around {
    fn installs() -> Option<Module> {
        Some(http())
    }

    fn needs(&self) -> Vec<Need> {
        self.0.needs()
    }

    fn brings(&self) -> Vec<Module> {
        self.0.brings()
    }
}

/// A contribution: a change of the stack.
struct StackEdit(Box<dyn Fn(Stack) -> Stack + Send + Sync>);

impl Contribution for StackEdit {
    fn installs() -> Option<Module> {
        Some(http())
    }
}

/// What the parts of this crate are made from.
pub(crate) struct Setup<'a> {
    pub(crate) contributions: &'a Contributions,
    pub(crate) config: &'a HttpConfig,
    pub(crate) profile: &'a Profile,
    pub(crate) home: &'a Path,
}

impl Setup<'_> {
    /// Every route in its place.
    pub(crate) fn routes(&self) -> Vec<Placed> {
        let everything = self.around_everything();
        let mut placed = Vec::new();
        for contributed in self.contributions.of::<Routes>() {
            let mut around = everything.clone();
            if !self.is_root(contributed.module) {
                around.extend(self.around(contributed.module));
            }
            placed.extend(place(contributed.value, contributed.module, &around, self.home));
        }
        if let Some(http) = self.contributions.modules().iter().find(|module| module.name == NAME) {
            placed.extend(place(&probes::routes(&self.config.probes), http, &[], self.home));
            if let Some(path) = self.config.headers.receives_reports_at() {
                placed.extend(place(&reports::routes(path), http, &[], self.home));
            }
        }
        placed.retain(|placed| !placed.route.settings.in_development || self.profile.is_development());
        self.document_senders(&mut placed);
        if let Some(versions) = self.versions() {
            versions.document(&mut placed);
        }
        placed
    }

    /// Where there are authenticators, every route may answer 401; those that answer it by themselves say what to send.
    fn document_senders(&self, placed: &mut [Placed]) {
        let authenticators: Vec<_> =
            self.contributions.of::<Authenticator>().map(|authenticator| authenticator.value).collect();
        if authenticators.is_empty() {
            return;
        }
        let mut proofs: Vec<&SecuritySpec> = Vec::new();
        for proof in authenticators.iter().filter_map(|authenticator| authenticator.spec.as_ref()) {
            if !proofs.contains(&proof) {
                proofs.push(proof);
            }
        }
        let refused =
            ErrorSpec::new(StatusCode::UNAUTHORIZED, "What proves who sends the request is not valid.");
        for placed in placed {
            placed.route.may_be_sent_by(&proofs);
            placed.route.refuse(&refused);
        }
    }

    /// A table that is only looked at.
    fn table(&self, findings: &mut Findings) -> Table {
        let (slash, versions) = (self.config.trailing_slash, self.versions());
        let with = With { slash, resolver: None, metrics: None, versions };
        Table::freeze(self.routes(), &with, findings)
    }

    pub(crate) fn versions(&self) -> Option<&ApiVersions> {
        self.contributions.of::<ApiVersions>().next().map(|versions| versions.value)
    }

    /// What the application itself puts around everything.
    pub(crate) fn around_everything(&self) -> Vec<Wrapper> {
        self.root().map(|root| self.around(root)).unwrap_or_default()
    }

    /// The application itself, which is the last of its modules.
    pub(crate) fn root(&self) -> Option<&ModuleInfo> {
        self.contributions.modules().last()
    }

    fn around(&self, module: &ModuleInfo) -> Vec<Wrapper> {
        self.contributions
            .of::<Around>()
            .filter(|around| around.module.id == module.id)
            .map(|around| around.value.0.clone())
            .collect()
    }

    fn is_root(&self, module: &ModuleInfo) -> bool {
        self.root().is_some_and(|root| root.id == module.id)
    }

    /// The default stack, edited.
    pub(crate) fn stack(&self, unmatched: &Arc<RouteMetrics>) -> Stack {
        let config = self.config;
        let trusted = config.proxies();
        let mut stack = Stack::empty()
            .push("request-id", RequestIds::new(trusted.clone()))
            .push_built_in("trace")
            .push("metrics", RequestMetrics::new(Arc::clone(unmatched)));
        stack = if trusted.is_empty() {
            stack.push_off("proxies")
        } else {
            stack.push("proxies", Proxies::new(trusted).writing(config.proxy_headers))
        };
        stack = stack
            .push("hosts", config.hosts(self.profile))
            .push("headers", SecurityHeaders::new(&config.headers));
        stack = if config.cors.is_on() {
            stack.push("cors", Cors::new(&config.cors))
        } else {
            stack.push_off("cors")
        };
        stack = if config.compression.enabled {
            stack.push("compression", Compression::new(config.compression.clone()))
        } else {
            stack.push_off("compression")
        };
        stack = stack
            .push_built_in("panic")
            .push_built_in("timeout")
            .push(
                "body-limit",
                BodyLimit::new(config.body_limit).keeping_files_in(config.upload_folder.as_deref()),
            )
            .push("csrf", CrossOriginProtection::new(&config.csrf, &config.cors.origins))
            .push_built_in("principal");
        self.contributions.of::<StackEdit>().fold(stack, |stack, edit| (edit.value.0)(stack))
    }
}

/// Every route of an application, as far as routes that are in conflict allow. For commands and checks; the running
/// application asks [`Http::routes`].
pub fn routes_of(assembly: &Assembly) -> Vec<Arc<RouteInfo>> {
    let mut routes = Vec::new();
    with_setup(assembly, |setup| {
        routes.extend(setup.table(&mut Findings::default()).routes().cloned());
    });
    routes
}

/// Counters for a stack that is only looked at.
fn nobody() -> Arc<RouteMetrics> {
    Arc::new(RouteMetrics::unregistered())
}

/// Runs `look` on the parts of this crate, if its configuration could be read.
fn with_setup(assembly: &Assembly, look: impl FnOnce(Setup<'_>)) {
    // Routes are looked at also when the configuration is faulty, so that all faults are known at once.
    let config = assembly.config.section::<HttpConfig>().unwrap_or_default();
    look(Setup {
        contributions: &assembly.contributions,
        config: &config,
        profile: &assembly.profile,
        home: assembly.config.home(),
    });
}

/// `http.E001` to `http.E006` (see `route/conflict.rs`), `http.E007` to `E009` (see `version/check.rs`), `http.E010`: an edit names no part of the stack, and
/// `http.W013`: a folder of static files is not there.
fn at_start(assembly: &Assembly, findings: &mut Findings) {
    for (files, source) in assembly.contributions.of::<Routes>().flat_map(|routes| routes.value.files()) {
        if let Some(problem) = files.clone().within(assembly.config.home()).problem() {
            findings.add(
                Finding::warning("http.W013", format!("static files cannot be served: {problem}"))
                    .at(format!("{}:{}", source.file, source.line))
                    .fix("Make the folder, or correct its path; a relative one starts from the application's home."),
            );
        }
    }
    with_setup(assembly, |setup| {
        let table = setup.table(findings);
        version::check(setup.contributions, table.routes().map(|route| &**route), findings);
        setup.stack(&nobody()).mistakes(findings);
    });
}

/// `http.E013`: something makes links that lead here from elsewhere, and nobody has said where that is.
fn find_public_url(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<HttpConfig>() else { return };
    if assembly.needs::<Links>() && links::base(&config, &assembly.profile).is_none() {
        findings.add(Finding::error("http.E013", links::MISSING).at("http.public_url").fix(links::FIX));
    }
}
