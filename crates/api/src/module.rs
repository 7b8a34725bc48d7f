//! The built-in module `api`: the document, its pages, the command `openapi`.
//!
//! Reading order: this file (the document of a running application), `about` (what it says as a whole: [`Api`]), `command`
//! (`openapi`), `checks` (what is found at start and before a deployment).

mod about;
mod checks;
mod command;

use http::Uri;
use mainstay_core::check::Check;
use mainstay_core::{
    AppInfo, Contribute, Contribution, Contributions, CoreContributions, Inject, Module, Result,
};
use mainstay_http::Http;
use mainstay_http::describe::Content;
use mainstay_http::files::File;
use mainstay_http::render::ErrorRenderer;

use crate::openapi::{Document, Frame, Info, Kind, Listed};
use crate::versions::{Built, Documents};

pub use about::Api;

impl Contribution for Api {
    fn installs() -> Option<Module> {
        Some(
            Module::new("api")
                .global()
                .provide(OpenApi::new)
                .export::<OpenApi>()
                .check(Check::at_start(checks::find_several))
                .check(Check::at_start(checks::find_unused_tags))
                .check(Check::at_start(checks::find_left_out))
                .check(Check::at_deploy(checks::find_opaque))
                .command(command::command()),
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
    documents: Documents,
}

impl OpenApi {
    fn new(contributions: Inject<Contributions>, http: Inject<Http>, app: Inject<AppInfo>) -> Self {
        let api = contributions.of::<Api>().next().map(|api| api.value.clone()).unwrap_or_default();
        let renderers = contributions.of::<ErrorRenderer>().map(|renderer| renderer.value.clone()).collect();
        let root = contributions.modules().last().map(|root| root.name.clone()).unwrap_or_default();
        Self { http, frame: api.frame(&app), root, renderers, documents: Documents::new(&contributions) }
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
            let mut frame = self.frame.clone();
            if let Some(version) = built.version {
                frame.info = Info { version: version.to_string(), ..frame.info };
            }
            Document::build(&frame, listed)
        })
    }

    /// How the errors of an address are written, unless as problem details.
    fn errors_of(&self, path: &str) -> Option<&Content> {
        let mut for_programs = self.renderers.iter().filter(|renderer| !renderer.is_for_people());
        for_programs.find(|renderer| renderer.covers(path)).and_then(ErrorRenderer::content)
    }

    /// The document that a request asks for, as it is served.
    pub(crate) fn served(&self, uri: &Uri) -> Result<File> {
        let built = self.documents.asked(uri)?;
        let bytes = built.bytes.get_or_init(|| self.build(built).as_json().to_string().into());
        Ok(File::from_bytes("openapi.json", bytes.clone()))
    }
}

impl std::fmt::Debug for OpenApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenApi").field("frame", &self.frame).finish_non_exhaustive()
    }
}
