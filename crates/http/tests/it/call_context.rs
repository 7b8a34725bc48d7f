//! What a handler hands on to what it calls.

use std::time::{Duration, Instant};

use http::Method;
use mainstay_core::App;
use mainstay_core::call_context::CallContext;
use mainstay_http::route::Timeout;
use mainstay_http::{Route, RoutesExt};

use crate::calling::caller;

#[tokio::test]
async fn what_a_handler_calls_learns_its_trace_and_its_deadline() {
    async fn shown() -> String {
        tokio::task::yield_now().await;
        let context = CallContext::current();
        let left = context.deadline.map(|end| end.duration_since(Instant::now()).as_secs());
        format!("{:?} {left:?}", context.trace.map(|trace| trace.to_string()))
    }
    let app = App::new()
        .set("http.timeout", "20s")
        .route(Route::new(Method::GET, "/", shown))
        .route(Route::new(Method::GET, "/long", shown).timeout(Duration::from_secs(90)))
        .route(Route::new(Method::GET, "/endless", shown).timeout(Timeout::Never));
    let caller = caller(app).await;
    assert_eq!(caller.get("/").await.body, "None Some(19)");
    assert_eq!(caller.get("/long").await.body, "None Some(89)");
    assert_eq!(caller.get("/endless").await.body, "None None");
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = caller.ask("GET", "/endless", &[("traceparent", parent)]).await;
    assert_eq!(answer.body, format!("Some({parent:?}) None"));
    let answer = caller.ask("GET", "/endless", &[("traceparent", "nonsense")]).await;
    assert_eq!(answer.body, "None None");
}
