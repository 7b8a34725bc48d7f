//! Conduit as its clients see it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod articles;
mod commands;
mod comments;
mod devices;
mod engines;
mod factories;
mod favorites;
mod moderation;
mod pages;
mod profiles;
mod programs;
mod publishing;
mod v2;

use std::sync::Arc;

use mainstay::core::clock::{Clock, TestClock};
use mainstay::prelude::*;
use mainstay_test::TestApp;

/// The application with the content of the first start.
async fn conduit() -> TestApp {
    let app = TestApp::start(conduit::app()).await;
    fill(&app).await;
    app
}

/// The same, and a clock that moves when it is told to.
async fn conduit_at(clock: &Arc<TestClock>) -> TestApp {
    let shared = Arc::clone(clock);
    let provider = Provider::singleton(move || Shared(Arc::clone(&shared)));
    let provider = provider.bind(|clock| Arc::clone(&clock.0) as Arc<dyn Clock>);
    let app = TestApp::of(conduit::app()).replace(provider).start().await;
    fill(&app).await;
    app
}

struct Shared(Arc<TestClock>);

async fn fill(app: &TestApp) {
    let filled = conduit::seed::fill(app.inject().await, app.inject().await).await;
    filled.expect("the seed fits the models");
}
