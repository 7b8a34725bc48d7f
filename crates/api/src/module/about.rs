//! What an application says of its API as a whole.

use mainstay_core::AppInfo;
use mainstay_http::Routes;

use crate::openapi::{Contact, Frame, License};
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
    pub(super) frame: Frame,
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

    pub(super) fn routes(&self) -> Routes {
        let mut routes = Routes::new().route(pages::document(&self.document));
        if let Some(path) = &self.swagger_ui {
            routes = routes.routes(pages::swagger_ui(path, &self.document));
        }
        if let Some(path) = &self.redoc {
            routes = routes.routes(pages::redoc(path, &self.document));
        }
        routes
    }

    pub(super) fn frame(&self, app: &AppInfo) -> Frame {
        let mut frame = self.frame.clone();
        frame.info.title = self.title.clone().unwrap_or_else(|| app.name.to_string());
        frame.info.version = self.version.clone().unwrap_or_else(|| app.version.to_string());
        frame
    }
}
