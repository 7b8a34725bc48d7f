//! Middleware in the style of Koa: a plain async function around everything that is further in.
//!
//! ```
//! use axum::{extract::Request, response::Response};
//! use mainstay_core::Result;
//! use mainstay_http::Next;
//!
//! async fn timing(request: Request, next: Next) -> Result<Response> {
//!     let started = std::time::Instant::now();
//!     let mut response = next.run(request).await?;
//!     if let Ok(value) = format!("app;dur={}", started.elapsed().as_millis()).parse() {
//!         response.headers_mut().insert("server-timing", value);
//!     }
//!     Ok(response)
//! }
//! ```
//!
//! An error of the handler comes back as `Err`, so a middleware can see it, change it, or answer in its place. Arguments
//! before the request are extractors: `async fn audit(log: Inject<Log>, request: Request, next: Next)`.
//!
//! The chain of a route is put together once, at start. A route without middleware pays nothing for it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use mainstay_core::{Error, Module, Result};

use crate::describe::Operation;
use crate::route::Endpoint;
use crate::stack::panic;

/// What is further in: the rest of the middleware, and the handler.
pub struct Next {
    chain: Arc<Chain>,
    index: usize,
}

impl Next {
    /// Runs it. An error that the handler returned comes back as `Err`.
    ///
    /// # Errors
    ///
    /// What the handler, or a middleware further in, failed with.
    pub async fn run(mut self, request: Request) -> Result<Response> {
        match self.chain.middleware.get(self.index).cloned() {
            Some(middleware) => {
                self.index += 1;
                middleware.call(request, self).await
            }
            None => into_result(self.chain.endpoint.call(request).await),
        }
    }

    /// The same, where a panic is the error that becomes its answer: for what has to be done or said after it too. Without the
    /// part `panic` of the [stack](crate::stack) it goes on its way.
    ///
    /// # Errors
    ///
    /// What the handler, or a middleware further in, failed with, or its panic.
    pub async fn run_to_the_end(self, request: Request) -> Result<Response> {
        panic::caught(self.run(request)).await
    }
}

/// An async function around what is further in; see the [module](self). `Args` tells functions of different arguments
/// apart and is never named.
///
/// A type that is made with settings implements it by itself, and can say more of itself than a function:
///
/// ```
/// use axum::extract::Request;
/// use axum::response::Response;
/// use futures_util::future::BoxFuture;
/// use http::StatusCode;
/// use mainstay_core::{Error, Result};
/// use mainstay_http::describe::{ErrorSpec, Operation};
/// use mainstay_http::{Middleware, Next};
///
/// struct ClosedFor(&'static str);
///
/// impl Middleware<Self> for ClosedFor {
///     fn call(&self, _request: Request, _next: Next) -> BoxFuture<'static, Result<Response>> {
///         let message = format!("Closed for {}.", self.0);
///         Box::pin(async move { Err(Error::unavailable(message)) })
///     }
///
///     fn describe(&self, operation: &mut Operation) {
///         operation.error(ErrorSpec::new(StatusCode::SERVICE_UNAVAILABLE, format!("Closed for {}.", self.0)));
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this is no middleware",
    note = "a middleware is `async fn(Request, Next) -> mainstay::Result<Response>`, with extractors before the request if need be"
)]
pub trait Middleware<Args>: Send + Sync + 'static {
    /// Answers `request`, usually with the help of `next`.
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>>;

    /// Adds what it does to a route that it is around: how it may fail, which headers it sets, what it takes from the container.
    fn describe(&self, _operation: &mut Operation) {}

    /// The built-in modules that it asks for.
    fn brings(&self) -> Vec<Module> {
        Vec::new()
    }
}

macro_rules! middleware_with {
    ($($extractor:ident),*) => {
        impl<F, Fut, $($extractor,)*> Middleware<($($extractor,)* Request,)> for F
        where
            F: Fn($($extractor,)* Request, Next) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = Result<Response>> + Send,
            $($extractor: FromRequestParts<()> + Send,)*
        {
            #[allow(non_snake_case, unused_mut, reason = "the names of the types name the arguments")]
            fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
                let function = self.clone();
                Box::pin(async move {
                    let (mut parts, body) = request.into_parts();
                    $(
                        let $extractor = match $extractor::from_request_parts(&mut parts, &()).await {
                            Ok(value) => value,
                            Err(rejection) => return into_result(rejection.into_response()),
                        };
                    )*
                    function($($extractor,)* Request::from_parts(parts, body), next).await
                })
            }
        }
    };
}

middleware_with!();
middleware_with!(A);
middleware_with!(A, B);
middleware_with!(A, B, C);
middleware_with!(A, B, C, D);

/// A middleware whose arguments are forgotten.
pub(crate) trait AnyMiddleware: Send + Sync {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>>;

    fn describe(&self, operation: &mut Operation);

    fn brings(&self) -> Vec<Module>;
}

pub(crate) struct Erased<M, Args>(M, std::marker::PhantomData<fn() -> Args>);

impl<M: Middleware<Args>, Args: 'static> Erased<M, Args> {
    pub(crate) fn of(middleware: M) -> Arc<dyn AnyMiddleware> {
        Arc::new(Self(middleware, std::marker::PhantomData))
    }
}

impl<M: Middleware<Args>, Args: 'static> AnyMiddleware for Erased<M, Args> {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        self.0.call(request, next)
    }

    fn describe(&self, operation: &mut Operation) {
        self.0.describe(operation);
    }

    fn brings(&self) -> Vec<Module> {
        self.0.brings()
    }
}

/// Middleware around an endpoint.
pub(crate) struct Chain {
    middleware: Vec<Arc<dyn AnyMiddleware>>,
    endpoint: Arc<dyn Endpoint>,
}

/// A chain as an endpoint.
pub(crate) struct Chained(Arc<Chain>);

impl Chained {
    /// `middleware` in the order in which a request meets it.
    pub(crate) fn new(middleware: Vec<Arc<dyn AnyMiddleware>>, endpoint: Arc<dyn Endpoint>) -> Self {
        Self(Arc::new(Chain { middleware, endpoint }))
    }
}

impl Endpoint for Chained {
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        let next = Next { chain: self.0.clone(), index: 0 };
        Box::pin(async move { next.run(request).await.unwrap_or_else(Error::into_response) })
    }
}

/// Takes an error back out of the response that it was turned into, with what was added to that response since.
pub(crate) fn into_result(mut response: Response) -> Result<Response> {
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return Ok(response) };
    match Arc::try_unwrap(error) {
        Ok(mut error) => {
            if response.status() != error.status() {
                error = error.with_status(response.status());
            }
            for (name, value) in response.headers() {
                if !error.headers().contains_key(name) {
                    error = error.header(name.clone(), value.clone());
                }
            }
            Err(error)
        }
        Err(shared) => {
            response.extensions_mut().insert(shared);
            Ok(response)
        }
    }
}
