//! The built-in module `api`: the document, its pages, the command `openapi`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::Uri;
use mainstay_core::check::Check;
use mainstay_core::command::{Call, Command};
use mainstay_core::error::Context;
use mainstay_core::{
    AppInfo, Assembly, Contribute, Contribution, Contributions, CoreContributions, Finding, Findings, Inject,
    Module, Result,
};
use mainstay_http::describe::Content;
use mainstay_http::files::File;
use mainstay_http::render::ErrorRenderer;
use mainstay_http::{Http, Routes};
use serde_json::Value;

use crate::openapi::{Document, Info, Kind, Listed, compare};
use crate::pages;
use crate::versions::{Built, Documents};

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
    description: Option<String>,
    servers: Vec<String>,
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
            description: None,
            servers: Vec::new(),
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
        self.description = Some(description.into());
        self
    }

    /// Adds an address at which it is served. Without one, it is where the document is.
    #[must_use]
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.servers.push(url.into());
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

    fn info(&self, app: &AppInfo) -> Info {
        Info {
            title: self.title.clone().unwrap_or_else(|| app.name.to_string()),
            version: self.version.clone().unwrap_or_else(|| app.version.to_string()),
            description: self.description.clone(),
        }
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
    info: Info,
    servers: Vec<String>,
    root: String,
    renderers: Vec<ErrorRenderer>,
    documents: Documents,
}

impl OpenApi {
    fn new(contributions: Inject<Contributions>, http: Inject<Http>, app: Inject<AppInfo>) -> Self {
        let api = contributions.of::<Api>().next().map(|api| api.value.clone()).unwrap_or_default();
        let renderers = contributions.of::<ErrorRenderer>().map(|renderer| renderer.value.clone()).collect();
        let root = contributions.modules().last().map(|root| root.name.clone()).unwrap_or_default();
        Self {
            http,
            info: api.info(&app),
            servers: api.servers,
            root,
            renderers,
            documents: Documents::new(&contributions),
        }
    }

    /// The document, built when it is first asked for. Of an API with versions, that of the version which is meant by a request
    /// that does not say, or else of the last.
    pub fn document(&self) -> &Document {
        self.build(self.documents.usual())
    }

    /// The document of one version of the API.
    ///
    /// # Errors
    ///
    /// 404 when there is no such version.
    pub fn document_of(&self, version: u32) -> Result<&Document> {
        self.documents.of(&version.to_string()).map(|built| self.build(built))
    }

    fn build<'b>(&self, built: &'b Built) -> &'b Document {
        built.document.get_or_init(|| {
            let shown = self.http.routes().filter(|route| !route.operation.hidden);
            let shown: Vec<_> =
                shown.filter_map(|route| Some((route, self.documents.operation(built, route)?))).collect();
            let listed = shown.iter().map(|(route, operation)| Listed {
                operation,
                kind: if route.method.is_some() { Kind::Handler } else { Kind::Mounted },
                module: (route.module != self.root).then_some(route.module.as_str()),
                errors: self.errors_of(route.pattern()),
            });
            let version = built.version.map(|version| version.to_string());
            let info =
                Info { version: version.unwrap_or_else(|| self.info.version.clone()), ..self.info.clone() };
            Document::build(&info, &self.servers, listed)
        })
    }

    /// How the errors of an address are written, unless as problem details.
    fn errors_of(&self, path: &str) -> Option<&Content> {
        self.renderers.iter().find(|renderer| renderer.covers(path)).and_then(ErrorRenderer::content)
    }

    /// The document that a request asks for, as it is served.
    pub(crate) fn served(&self, uri: &Uri) -> Result<File> {
        let built = self.documents.asked(uri)?;
        let bytes = built.bytes.get_or_init(|| self.build(built).as_json().to_string().into());
        Ok(File::from_bytes("openapi.json", bytes.clone()))
    }
}

/// `openapi`
fn command() -> Command {
    let file = |name: &'static str| {
        clap::Arg::new(name).long(name).value_name("FILE").value_parser(clap::value_parser!(PathBuf))
    };
    let output = file("output").short('o').help("Writes the document there instead of to standard output");
    let check =
        file("check").help("Says what breaks clients of this earlier document: then the exit code is 1");
    Command::new("openapi", "Writes the OpenAPI document of the application.", |call: Call| async move {
        let openapi = call.resolver().get::<OpenApi>().await?;
        let document = match call.arguments.get_one::<u32>("api-version") {
            Some(version) => openapi.document_of(*version)?,
            None => openapi.document(),
        };
        let document = document.as_json();
        if let Some(path) = call.arguments.get_one::<PathBuf>("check") {
            return check_against(path, document, &call);
        }
        let text = serde_json::to_string_pretty(document)?;
        match call.arguments.get_one::<PathBuf>("output") {
            None => call.print(text),
            Some(path) => {
                std::fs::write(path, text + "\n").context(format!("writing `{}`", path.display()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .argument(output)
    .argument(check)
    .argument(
        clap::Arg::new("api-version")
            .long("api-version")
            .value_name("VERSION")
            .value_parser(clap::value_parser!(u32))
            .help("The document of this version of the API"),
    )
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
        f.debug_struct("OpenApi").field("info", &self.info).finish_non_exhaustive()
    }
}
