//! The built-in module `api`: the document, its pages, the command `openapi`.
//!
//! Reading order: this file (the document of a running application), `about` (what it says as a whole: [`Api`]), `command`
//! (`openapi`), `checks` (what is found at start and before a deployment).

mod about;
mod checks;
mod command;

use std::sync::OnceLock;

use axum::body::Bytes;
use mainstay_core::check::Check;
use mainstay_core::{AppInfo, Contribute, Contribution, Contributions, CoreContributions, Inject, Module};
use mainstay_http::Http;
use mainstay_http::describe::Content;
use mainstay_http::files::File;
use mainstay_http::render::ErrorRenderer;

use crate::openapi::{Document, Frame, Kind, Listed};

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

impl std::fmt::Debug for OpenApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenApi").field("frame", &self.frame).finish_non_exhaustive()
    }
}
