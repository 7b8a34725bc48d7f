//! The document and the two pages that read it, served from the binary, so that they work without internet.
//!
//! What is in `assets/`, and why each page has the policy that it has, is written in `assets/README.md`.

use http::{HeaderValue, Method, Uri, header};
use mainstay_core::Inject;
use mainstay_http::files::Assets;
use mainstay_http::{Route, Routes};

use crate::module::OpenApi;

const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

const SWAGGER_UI: Page = Page {
    index: include_str!("../assets/swagger-ui/index.html"),
    files: &[
        ("favicon-32x32.png", include_bytes!("../assets/swagger-ui/favicon-32x32.png")),
        ("initialise.js", include_bytes!("../assets/swagger-ui/initialise.js")),
        ("page.css", include_bytes!("../assets/swagger-ui/page.css")),
        ("swagger-ui-bundle.js", include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js")),
        ("swagger-ui.css", include_bytes!("../assets/swagger-ui/swagger-ui.css")),
    ],
    folder: "docs/",
    policy: "default-src 'self'; img-src 'self' data:; base-uri 'self'; frame-ancestors 'none'",
};

const REDOC: Page = Page {
    index: include_str!("../assets/redoc/index.html"),
    files: &[
        ("initialise.js", include_bytes!("../assets/redoc/initialise.js")),
        ("page.css", include_bytes!("../assets/redoc/page.css")),
        ("redoc.standalone.js", include_bytes!("../assets/redoc/redoc.standalone.js")),
    ],
    folder: "redoc/",
    policy: "default-src 'self'; img-src 'self' data:; worker-src blob:; \
             style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' \
             'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; base-uri 'self'; frame-ancestors 'none'",
};

struct Page {
    index: &'static str,
    files: &'static [(&'static str, &'static [u8])],
    /// How the index names the folder of its files.
    folder: &'static str,
    policy: &'static str,
}

/// `/openapi.json`
pub(crate) fn document(path: &str) -> Route {
    hidden(Route::new(Method::GET, path, |openapi: Inject<OpenApi>, uri: Uri| {
        std::future::ready(openapi.served(&uri).map(|file| file.with_cache_control(REVALIDATE)))
    }))
}

/// `/docs` and its files.
pub(crate) fn swagger_ui(path: &str, document: &str) -> Routes {
    SWAGGER_UI.routes(path, document)
}

/// `/redoc` and its files.
pub(crate) fn redoc(path: &str, document: &str) -> Routes {
    REDOC.routes(path, document)
}

impl Page {
    fn routes(&self, path: &str, document: &str) -> Routes {
        // The page names its files and the document relative to its own address, so that it also works behind a proxy
        // that adds a prefix.
        let path = path.trim_end_matches('/');
        let (above, own) = path.rsplit_once('/').unwrap_or(("", path));
        let up = "../".repeat(above.matches('/').count());
        let index = self
            .index
            .replace(&format!("\"{}", self.folder), &format!("\"{own}/"))
            .replace("\"openapi.json\"", &format!("\"{up}{}\"", document.trim_start_matches('/')));
        let policy = self.policy;
        let page = Route::new(Method::GET, path, move || {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, "no-cache"),
                (header::CONTENT_SECURITY_POLICY, policy),
            ];
            std::future::ready((headers, index.clone()))
        });
        Routes::new().route(hidden(page)).static_files(path, Assets::from_static(self.files))
    }
}

/// A page about the API is no part of it.
fn hidden(route: Route) -> Route {
    route.describe(|operation| {
        operation.hidden = true;
        operation.needs_axum_router = false;
    })
}
