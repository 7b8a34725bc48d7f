//! What answers a request in the end: a handler, a mounted router, or a chain of middleware around one.

use std::any::{Any, TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use tower::ServiceExt as _;

use super::RouteMatch;
use crate::files::StaticFiles;

/// Answers a request.
pub trait Endpoint: Send + Sync + 'static {
    /// Answers `request`.
    fn call(&self, request: Request) -> BoxFuture<'static, Response>;
}

/// A handler whose argument types are forgotten.
pub(crate) trait AnyHandler: Send + Sync {
    /// Calls the handler itself: one boxed future.
    fn direct(self: Arc<Self>) -> Arc<dyn Endpoint>;

    /// Whether it has no arguments, so that nothing need be prepared for it.
    fn takes_nothing(&self) -> bool;

    /// The path of the function.
    fn type_name(&self) -> &'static str;
}

pub(crate) struct Plain<H, T> {
    handler: H,
    arguments: PhantomData<fn() -> T>,
}

impl<H, T> Plain<H, T> {
    pub(crate) fn new(handler: H) -> Self {
        Self { handler, arguments: PhantomData }
    }
}

impl<H: Handler<T, ()>, T: 'static> AnyHandler for Plain<H, T> {
    fn direct(self: Arc<Self>) -> Arc<dyn Endpoint> {
        self
    }

    fn takes_nothing(&self) -> bool {
        // How axum marks a function without arguments.
        TypeId::of::<T>() == TypeId::of::<((),)>()
    }

    fn type_name(&self) -> &'static str {
        type_name::<H>()
    }
}

impl<H: Handler<T, ()>, T: 'static> Endpoint for Plain<H, T> {
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        boxed(self.handler.clone().call(request, ()))
    }
}

/// Boxes a future, unless it is a box already: those of plain functions are.
fn boxed<F: Future<Output = Response> + Send + 'static>(future: F) -> BoxFuture<'static, Response> {
    let mut future = Some(future);
    if let Some(boxed) = (&mut future as &mut dyn Any).downcast_mut::<Option<BoxFuture<'static, Response>>>()
        && let Some(boxed) = boxed.take()
    {
        return boxed;
    }
    match future {
        Some(future) => Box::pin(future),
        None => Box::pin(std::future::pending()), // not reached: only the branch above empties it, and returns
    }
}

/// A whole axum router, mounted below a prefix.
pub(crate) struct Mounted(pub(crate) Router);

impl AnyHandler for Mounted {
    fn direct(self: Arc<Self>) -> Arc<dyn Endpoint> {
        Arc::new(AxumRouter(self.0.clone()))
    }

    fn takes_nothing(&self) -> bool {
        false
    }

    fn type_name(&self) -> &'static str {
        "axum::Router"
    }
}

struct AxumRouter(Router);

/// Calls an endpoint through an axum router with one route, for extractors that read what only that router provides.
pub(crate) fn through_axum(endpoint: Arc<dyn Endpoint>, pattern: &str) -> Arc<dyn Endpoint> {
    let service = axum::routing::any_service(EndpointService(endpoint));
    Arc::new(AxumRouter(Router::new().route(pattern, service)))
}

impl Endpoint for AxumRouter {
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        let router = self.0.clone();
        Box::pin(async move {
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    }
}

/// Files below a prefix.
pub(crate) struct Served(pub(crate) StaticFiles);

impl AnyHandler for Served {
    fn direct(self: Arc<Self>) -> Arc<dyn Endpoint> {
        self
    }

    fn takes_nothing(&self) -> bool {
        false
    }

    fn type_name(&self) -> &'static str {
        "StaticFiles"
    }
}

impl Endpoint for Served {
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        let files = self.0.clone();
        Box::pin(async move {
            let (parts, _) = request.into_parts();
            let matched = parts.extensions.get::<RouteMatch>();
            // The last parameter is what follows the prefix, which may have parameters of its own.
            let rest = matched.and_then(|matched| matched.raw().find(|(name, _)| *name == REST));
            files.respond(rest.map_or("", |(_, rest)| rest), &parts).await.into_response()
        })
    }
}

/// The name of the parameter that takes all below a prefix.
pub(crate) const REST: &str = "__rest";

/// An endpoint as a tower service, so that tower layers can be put around it.
#[derive(Clone)]
pub struct EndpointService(pub(crate) Arc<dyn Endpoint>);

impl tower::Service<Request> for EndpointService {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move { Ok(answer.await) })
    }
}

/// A tower layer that fits around an endpoint: its service answers with anything that is a response. Implemented for
/// every such layer of `tower` and `tower-http`; an error of theirs becomes a 500 whose text only the log sees.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tower layer that fits around an endpoint",
    note = "its service must take `axum::extract::Request`, be `Clone + Send + Sync`, and answer with `IntoResponse`"
)]
pub trait EndpointLayer: Send + Sync + 'static {
    /// Puts the layer around `endpoint`.
    fn wrap(&self, endpoint: Arc<dyn Endpoint>) -> Arc<dyn Endpoint>;
}

impl<L> EndpointLayer for L
where
    L: tower::Layer<EndpointService> + Send + Sync + 'static,
    L::Service: tower::Service<Request> + Clone + Send + Sync + 'static,
    <L::Service as tower::Service<Request>>::Response: IntoResponse,
    <L::Service as tower::Service<Request>>::Error: Into<tower::BoxError>,
    <L::Service as tower::Service<Request>>::Future: Send,
{
    fn wrap(&self, endpoint: Arc<dyn Endpoint>) -> Arc<dyn Endpoint> {
        Arc::new(Layered(self.layer(EndpointService(endpoint))))
    }
}

/// What a tower layer has made of an [`EndpointService`].
struct Layered<S>(S);

impl<S> Endpoint for Layered<S>
where
    S: tower::Service<Request> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Error: Into<tower::BoxError>,
    S::Future: Send,
{
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        let service = self.0.clone();
        Box::pin(async move {
            match service.oneshot(request).await {
                Ok(response) => response.into_response(),
                Err(error) => {
                    mainstay_core::Error::internal("a tower layer failed").caused_by(error).into_response()
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn does_not_box_a_box() {
        let inner: BoxFuture<'static, Response> = Box::pin(async { "x".into_response() });
        let address = &raw const *inner as *const ();
        let outer = boxed(inner);
        assert_eq!(&raw const *outer as *const (), address);
        assert_eq!(boxed(std::future::ready("x".into_response())).await.status(), 200);
    }

    #[test]
    fn knows_a_handler_without_arguments() {
        async fn none() {}
        async fn one(_request: Request) {}
        fn takes_nothing<H: Handler<T, ()>, T: 'static>(handler: H) -> bool {
            Plain::<H, T>::new(handler).takes_nothing()
        }
        assert!(takes_nothing(none));
        assert!(!takes_nothing(one));
    }
}
