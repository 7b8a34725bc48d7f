//! `Views`: what a handler renders with.

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Resolver, Result};
use mainstay_http::describe::{Describe, Operation};
use mainstay_http::{CsrfToken, Exchange, Html, Http, Session};

use crate::context::Context;
use crate::scene::{self, Messages, Tools};
use crate::templates::Templates;

/// Renders views for one request: an argument of a handler. Besides what they are given, views see `request`, `principal`,
/// `url_for`, `flashes`, `csrf_field` and `csrf_token`.
///
/// ```
/// use mainstay_core::Result;
/// use mainstay_http::{Html, get};
/// use mainstay_view::{Views, context};
///
/// #[get("/")]
/// async fn index(views: Views) -> Result<Html<String>> {
///     views.render("index.html", context! { title => "Welcome" })
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Views {
    templates: Inject<Templates>,
    scene: Context,
    messages: Messages,
}

impl Views {
    /// Renders a view.
    ///
    /// # Errors
    ///
    /// As [`Templates::render`].
    pub fn render(&self, name: &str, context: Context) -> Result<Html<String>> {
        let page = self.templates.render(name, context.over(self.scene.clone()))?;
        self.messages.sent();
        Ok(Html(page))
    }

    /// Renders one block of a view: for a script that puts it into a page that is there already.
    ///
    /// # Errors
    ///
    /// As [`Templates::render_block`].
    pub fn render_block(&self, name: &str, block: &str, context: Context) -> Result<Html<String>> {
        let forget = || self.messages.forget();
        let part = self.templates.render_part(name, block, context.over(self.scene.clone()), forget)?;
        self.messages.sent();
        Ok(Html(part))
    }
}

impl<S: Sync> FromRequestParts<S> for Views {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let templates = Inject::<Templates>::from_request_parts(parts, state).await?;
        let exchange = parts.extensions.get::<Exchange>().ok_or_else(|| {
            Error::internal("this handler renders views, but was not called by a Mainstay application")
        })?;
        let principal = parts.extensions.get::<Principal>().cloned().unwrap_or_default();
        let http = parts.extensions.get::<Resolver>().and_then(Resolver::ready::<Http>);
        let messages = Messages::of(Session::of_visitor(parts).await?);
        let csrf = CsrfToken::of(parts).await?;
        let scene = scene::of(exchange, &principal, Tools { http, csrf }, messages.clone());
        Ok(Self { templates, scene, messages })
    }
}

impl Describe for Views {
    fn describe(operation: &mut Operation) {
        operation.needs.push(Need::of::<Templates>());
    }
}
