//! What is around handlers, and in which order.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use mainstay_core::{App, CoreContributions, Error, Inject, Module, Result};
use mainstay_http::{Exchange, Group, Next, Route, RoutesExt};

use crate::calling::caller;

const TRAIL: HeaderName = HeaderName::from_static("x-trail");

async fn mark(name: &'static str, request: Request, next: Next) -> Result<Response> {
    let mut response = next.run(request).await?;
    response.headers_mut().append(TRAIL, HeaderValue::from_static(name));
    Ok(response)
}

async fn outer(request: Request, next: Next) -> Result<Response> {
    mark("outer", request, next).await
}

async fn inner(request: Request, next: Next) -> Result<Response> {
    mark("inner", request, next).await
}

async fn own(request: Request, next: Next) -> Result<Response> {
    mark("own", request, next).await
}

fn trail(answer: &crate::calling::Answer) -> Vec<&str> {
    answer.headers.get_all(TRAIL).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn the_first_that_is_added_meets_a_request_first() {
    let route = Route::new(Method::GET, "/a", async || "a").middleware(own);
    let module = Module::new("m").middleware(outer).group(Group::new("/x").middleware(inner).route(route));
    let caller = caller(App::new().module(module).route(Route::new(Method::GET, "/b", async || "b"))).await;
    assert_eq!(trail(&caller.get("/x/a").await), ["own", "inner", "outer"]);
    assert_eq!(trail(&caller.get("/b").await), [""; 0]);
}

#[tokio::test]
async fn what_is_around_the_application_sees_what_has_no_route() {
    async fn page(request: Request, next: Next) -> Result<Response> {
        let result = next.run(request).await;
        match result {
            Err(error) if error.status() == StatusCode::NOT_FOUND => Err(error.code("lost_here")),
            other => other,
        }
    }
    let caller = caller(App::new().middleware(page).route(Route::new(Method::GET, "/b", async || "b"))).await;
    assert_eq!(caller.get("/nowhere").await.json()["code"], "lost_here");
    assert_eq!(caller.get("/b").await.body, "b");
}

#[tokio::test]
async fn an_error_comes_back_as_one_and_can_be_answered() {
    async fn fails() -> Result<&'static str> {
        Err(Error::conflict("taken").code("taken"))
    }
    async fn soften(request: Request, next: Next) -> Result<Response> {
        match next.run(request).await {
            Err(error) if error.machine_code() == "taken" => Err(error.with_status(StatusCode::GONE)),
            other => other,
        }
    }
    let app = App::new().route(Route::new(Method::GET, "/soft", fails).middleware(soften)).route(Route::new(
        Method::GET,
        "/hard",
        fails,
    ));
    let caller = caller(app).await;
    assert_eq!(caller.get("/soft").await.status, 410);
    assert_eq!(caller.get("/hard").await.status, 409);
}

#[tokio::test]
async fn extractors_may_stand_before_the_request() {
    struct Greeting(&'static str);
    async fn greet(
        greeting: Inject<Greeting>,
        exchange: Exchange,
        request: Request,
        next: Next,
    ) -> Result<Response> {
        assert_eq!(exchange.method(), "GET");
        mark(greeting.0, request, next).await
    }
    let app = App::new().provide(|| Greeting("hello")).middleware(greet).route(Route::new(
        Method::GET,
        "/",
        async || "x",
    ));
    let caller = caller(app).await;
    assert_eq!(trail(&caller.get("/").await), ["hello"]);
    // What has no route has an application all the same.
    let lost = caller.get("/nowhere").await;
    assert_eq!(lost.status, 404, "{}", lost.body);
}

#[tokio::test]
async fn a_tower_layer_stands_where_it_was_put() {
    #[derive(Clone)]
    struct Mark;
    impl<S> tower::Layer<S> for Mark {
        type Service = Marked<S>;
        fn layer(&self, inner: S) -> Marked<S> {
            Marked(inner)
        }
    }
    #[derive(Clone)]
    struct Marked<S>(S);
    impl<S> tower::Service<Request> for Marked<S>
    where
        S: tower::Service<Request, Response = Response> + Send,
        S::Future: Send + 'static,
        S::Error: Send,
    {
        type Response = Response;
        type Error = S::Error;
        type Future = futures_util::future::BoxFuture<'static, Result<Response, S::Error>>;
        fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
            self.0.poll_ready(cx)
        }
        fn call(&mut self, request: Request) -> Self::Future {
            let answer = self.0.call(request);
            Box::pin(async move {
                let mut response = answer.await?;
                response.headers_mut().append(TRAIL, HeaderValue::from_static("layer"));
                Ok(response)
            })
        }
    }
    let group = Group::new("/x").middleware(outer).layer(Mark).middleware(inner).route(Route::new(
        Method::GET,
        "/a",
        async || "a",
    ));
    assert_eq!(trail(&caller(App::new().group(group)).await.get("/x/a").await), ["inner", "layer", "outer"]);
}
