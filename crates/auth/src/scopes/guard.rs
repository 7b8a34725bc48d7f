//! What routes ask of limited tokens. They say it here; the authenticator holds tokens to it, before the handler runs.

use std::borrow::Cow;
use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::request::Parts;
use mainstay_core::check::{Finding, Findings};
use mainstay_core::config::did_you_mean;
use mainstay_core::principal::Principal;
use mainstay_core::{Assembly, Error, Result};
use mainstay_http::describe::{Describe, ErrorSpec, Operation};
use mainstay_http::{Middleware, Next};

use super::{KnownScope, Scopes};

/// A scope, as a type: for [`Scoped`].
pub trait Scope: Send + Sync + 'static {
    /// Its name: `articles.write`.
    const NAME: &'static str;
}

/// An argument of a handler that says which scope a limited token must have. Whoever comes without such a token is let in: who may do
/// what is another question.
///
/// ```
/// use mainstay_auth::scopes::{Scope, Scoped};
/// use mainstay_http::post;
///
/// struct WriteArticles;
///
/// impl Scope for WriteArticles {
///     const NAME: &'static str = "articles.write";
/// }
///
/// /// Publishes an article.
/// #[post("/articles")]
/// async fn publish(_: Scoped<WriteArticles>) -> &'static str {
///     "published"
/// }
/// ```
#[derive(Debug)]
pub struct Scoped<S>(PhantomData<fn() -> S>);

impl<S: Scope, State: Sync> FromRequestParts<State> for Scoped<S> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self> {
        let allowed = parts.extensions.get::<Limits>().is_none_or(|limits| limits.0.cover(S::NAME));
        if allowed { Ok(Self(PhantomData)) } else { Err(insufficient(&[S::NAME.to_owned()])) }
    }
}

impl<S: Scope> Describe for Scoped<S> {
    fn describe(operation: &mut Operation) {
        ask(operation, S::NAME);
    }
}

/// The same for a route, a group, a module or the whole application: a middleware.
#[derive(Clone, Debug)]
pub struct RequireScope(Cow<'static, str>);

impl RequireScope {
    /// Limited tokens must have this scope.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }
}

impl Middleware<Self> for RequireScope {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let allowed = request.extensions().get::<Limits>().is_none_or(|limits| limits.0.cover(&self.0));
        if allowed {
            return Box::pin(next.run(request));
        }
        let error = insufficient(&[self.0.clone().into_owned()]);
        Box::pin(async move { Err(error) })
    }

    fn describe(&self, operation: &mut Operation) {
        ask(operation, &self.0);
    }
}

fn ask(operation: &mut Operation, scope: &str) {
    operation.scope(scope);
    let refused = ErrorSpec::new(StatusCode::FORBIDDEN, "The token is not good for this: it lacks a scope.");
    operation.error(refused.code("insufficient_scope"));
}

/// What a request carries that came with a limited token.
#[derive(Clone, Debug)]
pub(crate) struct Limits(pub(crate) Scopes);

/// Holds a limited token to what the route asks for, and leaves it for extractors.
pub(crate) fn hold(scopes: &Scopes, asked: &[String], request: &mut Parts) -> Result<()> {
    if scopes.are_everything() {
        return Ok(());
    }
    if asked.is_empty() {
        let message = "This is not open to tokens of limited scope.";
        return Err(Error::forbidden(message).code("insufficient_scope"));
    }
    if !asked.iter().all(|scope| scopes.cover(scope)) {
        return Err(insufficient(asked));
    }
    request.extensions.insert(Limits(scopes.clone()));
    Ok(())
}

/// 403, as RFC 6750, 3.1 has it; the scheme is added by whoever knows it.
fn insufficient(asked: &[String]) -> Error {
    let message = format!("The token is not good for this. What is asked for: {}.", asked.join(" "));
    Error::forbidden(message).code("insufficient_scope")
}

/// `auth.E020`: a route asks for a scope that no token can have.
pub(crate) fn find_unknown_scopes(assembly: &Assembly, findings: &mut Findings) {
    let known: Vec<_> = KnownScope::all(&assembly.contributions).map(|known| known.name.as_str()).collect();
    for route in mainstay_http::routes_of(assembly) {
        for scope in route.operation.scopes.iter().filter(|scope| !known.contains(&scope.as_str())) {
            let near = did_you_mean(scope, known.iter().copied());
            let source = route.operation.source;
            findings.add(
                Finding::error(
                    "auth.E020",
                    format!(
                        "`{}` asks for the scope `{scope}`, which is not declared{near}",
                        route.operation.path
                    ),
                )
                .at(format!("{}:{}", source.file, source.line))
                .fix(format!("add `.token_scope(\"{scope}\", \"…\")` to the application")),
            );
        }
    }
}

/// Whether an actor came with a token that is limited.
pub(crate) fn is_limited(principal: &Principal) -> bool {
    principal.claim("scope").is_some_and(|scope| scope != super::EVERYTHING)
}
