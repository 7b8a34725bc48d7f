//! The built-in module `api`: the document, its pages, the command `openapi`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use axum::body::Bytes;
use mainstay_core::check::Check;
use mainstay_core::command::{Call, Command};
use mainstay_core::error::Context;
use mainstay_core::{
    AppInfo, Assembly, Contribute, Contribution, Contributions, CoreContributions, Finding, Findings, Inject,
    Module,
};
use mainstay_http::describe::Content;
use mainstay_http::files::File;
use mainstay_http::render::ErrorRenderer;
use mainstay_http::{Http, Routes};
use serde_json::Value;

use crate::client;
use crate::openapi::{Contact, Document, Frame, Kind, License, Listed, compare};
use crate::pages;

/// What the API says about itself, and where its documentation is served.
///
/// ```
/// use mainstay_api::{Api, ApiExt};
/// use mainstay_core::App;
///
/// let app = App::new().api(Api::new().title("Shop").description("Orders and *stock*."));
/// ```
#[derive(Clone, Debug)]
pub struct Api {
    title: Option<String>,
    version: Option<String>,
    frame: Frame,
    document: String,
    swagger_ui: Option<String>,
    redoc: Option<String>,
}

impl Default for Api {
    fn default() -> Self {
        Self::new()
    }
}

impl Api {
    /// An API with the application's name and version, its document at `/openapi.json`, Swagger UI at `/docs` and ReDoc
    /// at `/redoc`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            title: None,
            version: None,
            frame: Frame::default(),
            document: "/openapi.json".into(),
            swagger_ui: Some("/docs".into()),
            redoc: Some("/redoc".into()),
        }
    }

    /// Its name.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Its version, if that is not the application's.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// What it is for, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.frame.info.description = Some(description.into());
        self
    }

    /// Adds an address at which it is served. Without one, it is where the document is.
    #[must_use]
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.frame.servers.push(url.into());
        self
    }

    /// Says what a tag means, in Markdown. Tags are shown in the order in which this is called; those without a description come
    /// last.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.frame.tags.push((name.into(), description.into()));
        self
    }

    /// Whom to ask: a person or a team, and the address of a page or of a mail box.
    #[must_use]
    pub fn contact(mut self, name: impl Into<String>, address: impl Into<String>) -> Self {
        let (name, address) = (name.into(), address.into());
        self.frame.info.contact = Some(match address.contains("://") {
            true => Contact { name, url: Some(address), email: None },
            false => Contact { name, url: None, email: Some(address) },
        });
        self
    }

    /// The licence, by its identifier (<https://spdx.org/licenses/>): `MIT`, `Apache-2.0`.
    #[must_use]
    pub fn license(mut self, identifier: impl Into<String>) -> Self {
        let identifier = identifier.into();
        self.frame.info.license =
            Some(License { name: identifier.clone(), identifier: Some(identifier), url: None });
        self
    }

    /// A licence without an identifier, and the address of its text.
    #[must_use]
    pub fn license_at(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.frame.info.license =
            Some(License { name: name.into(), identifier: None, url: Some(url.into()) });
        self
    }

    /// The address of the terms of use.
    #[must_use]
    pub fn terms(mut self, url: impl Into<String>) -> Self {
        self.frame.info.terms_of_service = Some(url.into());
        self
    }

    /// An address where more is written, and what is there.
    #[must_use]
    pub fn external_docs(mut self, url: impl Into<String>, description: impl Into<String>) -> Self {
        self.frame.external_docs = Some((url.into(), description.into()));
        self
    }

    /// Serves the document elsewhere.
    #[must_use]
    pub fn document_at(mut self, path: impl Into<String>) -> Self {
        self.document = path.into();
        self
    }

    /// Serves Swagger UI elsewhere, or, with `None`, nowhere.
    #[must_use]
    pub fn swagger_ui_at(mut self, path: Option<&str>) -> Self {
        self.swagger_ui = path.map(str::to_owned);
        self
    }

    /// Serves ReDoc elsewhere, or, with `None`, nowhere.
    #[must_use]
    pub fn redoc_at(mut self, path: Option<&str>) -> Self {
        self.redoc = path.map(str::to_owned);
        self
    }

    fn routes(&self) -> Routes {
        let mut routes = Routes::new().route(pages::document(&self.document));
        if let Some(path) = &self.swagger_ui {
            routes = routes.routes(pages::swagger_ui(path, &self.document));
        }
        if let Some(path) = &self.redoc {
            routes = routes.routes(pages::redoc(path, &self.document));
        }
        routes
    }

    fn frame(&self, app: &AppInfo) -> Frame {
        let mut frame = self.frame.clone();
        frame.info.title = self.title.clone().unwrap_or_else(|| app.name.to_string());
        frame.info.version = self.version.clone().unwrap_or_else(|| app.version.to_string());
        frame
    }
}

impl Contribution for Api {
    fn installs() -> Option<Module> {
        Some(
            Module::new("api")
                .global()
                .provide(OpenApi::new)
                .export::<OpenApi>()
                .check(Check::at_start(find_several))
                .check(Check::at_start(find_unused_tags))
                .check(Check::at_deploy(find_opaque))
                .command(command()),
        )
    }
}

/// Documents an application. In the prelude.
pub trait ApiExt: Contribute {
    /// Serves an OpenAPI document of every route, and pages to read and try it.
    #[must_use]
    fn api(self, api: Api) -> Self {
        self.contribute(api.routes()).contribute(api)
    }
}

impl<C: Contribute> ApiExt for C {}

/// The document of the running application. Injectable.
pub struct OpenApi {
    http: Inject<Http>,
    frame: Frame,
    root: String,
    renderers: Vec<ErrorRenderer>,
    built: OnceLock<Document>,
    served: OnceLock<Bytes>,
}

impl OpenApi {
    fn new(contributions: Inject<Contributions>, http: Inject<Http>, app: Inject<AppInfo>) -> Self {
        let api = contributions.of::<Api>().next().map(|api| api.value.clone()).unwrap_or_default();
        let renderers = contributions.of::<ErrorRenderer>().map(|renderer| renderer.value.clone()).collect();
        let root = contributions.modules().last().map(|root| root.name.clone()).unwrap_or_default();
        Self {
            http,
            frame: api.frame(&app),
            root,
            renderers,
            built: OnceLock::new(),
            served: OnceLock::new(),
        }
    }

    /// The document, built when it is first asked for.
    pub fn document(&self) -> &Document {
        self.built.get_or_init(|| {
            let listed = self.http.routes().filter(|route| !route.operation.hidden).map(|route| Listed {
                operation: &route.operation,
                kind: if route.method.is_some() { Kind::Handler } else { Kind::Mounted },
                module: (route.module != self.root).then_some(route.module.as_str()),
                errors: self.errors_of(route.pattern()),
            });
            Document::build(&self.frame, listed)
        })
    }

    /// How the errors of an address are written, unless as problem details.
    fn errors_of(&self, path: &str) -> Option<&Content> {
        self.renderers.iter().find(|renderer| renderer.covers(path)).and_then(ErrorRenderer::content)
    }

    /// The document as it is served.
    pub(crate) fn served(&self) -> File {
        let bytes = self.served.get_or_init(|| self.document().as_json().to_string().into());
        File::from_bytes("openapi.json", bytes.clone())
    }
}

/// `openapi`
fn command() -> Command {
    let file = |name: &'static str| {
        clap::Arg::new(name).long(name).value_name("FILE").value_parser(clap::value_parser!(PathBuf))
    };
    let output = file("output").short('o').help("Writes there instead of to standard output");
    let client = clap::Arg::new("client").long("client").value_name("LANGUAGE").value_parser(["typescript"]);
    let client =
        client.help("Writes a typed client in this language instead of the document").conflicts_with("check");
    let check =
        file("check").help("Says what breaks clients of this earlier document: then the exit code is 1");
    Command::new("openapi", "Writes the OpenAPI document of the application.", |call: Call| async move {
        let openapi = call.resolver().get::<OpenApi>().await?;
        let document = openapi.document().as_json();
        if let Some(path) = call.arguments.get_one::<PathBuf>("check") {
            return check_against(path, document, &call);
        }
        let text = match call.arguments.get_one::<String>("client") {
            Some(_typescript) => client::typescript(document),
            None => serde_json::to_string_pretty(document)? + "\n",
        };
        match call.arguments.get_one::<PathBuf>("output") {
            None => call.print(text.trim_end()),
            Some(path) => std::fs::write(path, text).context(format!("writing `{}`", path.display()))?,
        }
        Ok(ExitCode::SUCCESS)
    })
    .argument(output)
    .argument(client)
    .argument(check)
}

fn check_against(path: &Path, document: &Value, call: &Call) -> mainstay_core::Result<ExitCode> {
    let reading = || format!("reading `{}`", path.display());
    let earlier = std::fs::read(path).context(reading())?;
    let earlier = serde_json::from_slice(&earlier).context(reading())?;
    let breaks = compare::breaks(&earlier, document);
    if breaks.is_empty() {
        call.print("Nothing breaks clients of the earlier document.");
        return Ok(ExitCode::SUCCESS);
    }
    for one in &breaks {
        call.print(one.to_string());
    }
    Ok(ExitCode::FAILURE)
}

/// `api.E001`: the application is documented twice.
fn find_several(assembly: &Assembly, findings: &mut Findings) {
    let modules: Vec<_> =
        assembly.contributions.of::<Api>().map(|api| format!("`{}`", api.module.name)).collect();
    if modules.len() > 1 {
        findings.add(
            Finding::error("api.E001", "`.api(..)` is called more than once")
                .at(format!("modules {}", modules.join(", ")))
                .fix("describe the API once, on the application"),
        );
    }
}

/// `api.W002`: a tag is described that no operation has.
fn find_unused_tags(assembly: &Assembly, findings: &mut Findings) {
    let root = assembly.contributions.modules().last().map(|root| root.name.as_str());
    let routes = mainstay_http::routes_of(assembly);
    let listed = routes.iter().filter(|route| !route.operation.hidden).map(|route| Listed {
        operation: &route.operation,
        kind: Kind::Handler,
        module: Some(route.module.as_str()).filter(|module| Some(*module) != root),
        errors: None,
    });
    let used: BTreeSet<String> =
        listed.flat_map(|listed| listed.tags().map(str::to_owned).collect::<Vec<_>>()).collect();
    for api in assembly.contributions.of::<Api>() {
        for (name, _) in api.value.frame.tags.iter().filter(|(name, _)| !used.contains(name)) {
            findings.add(
                Finding::warning(
                    "api.W002",
                    format!("the tag `{name}` is described, and no operation has it"),
                )
                .at(format!("module {}", api.module.name))
                .fix("write it as in `#[get(.., tag = \"..\")]` or as the name of a module, or take it out"),
            );
        }
    }
}

/// `api.W001`: a handler takes or answers what says nothing about itself.
fn find_opaque(assembly: &Assembly, findings: &mut Findings) {
    let routes = mainstay_http::routes_of(assembly);
    for operation in routes.iter().map(|route| &route.operation).filter(|operation| !operation.hidden) {
        for name in &operation.opaque {
            findings.add(
                Finding::warning(
                    "api.W001",
                    format!("`{}` is documented in part: `{name}` says nothing about itself", operation.name),
                )
                .at(format!("{}:{}", operation.source.file, operation.source.line))
                .fix("derive `JsonSchema` for what is inside, or implement `Describe`"),
            );
        }
    }
}

impl std::fmt::Debug for OpenApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenApi").field("frame", &self.frame).finish_non_exhaustive()
    }
}
