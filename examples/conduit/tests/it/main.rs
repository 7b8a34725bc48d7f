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
mod news;
mod pages;
mod profiles;
mod programs;
mod publishing;
mod v2;

use std::sync::Arc;

use mainstay::core::clock::TestClock;
use mainstay_test::TestApp;

/// The application with the content of the first start.
async fn conduit() -> TestApp {
    let app = TestApp::start(conduit::app()).await;
    fill(&app).await;
    app
}

/// The same, and a clock that moves when it is told to.
async fn conduit_at(clock: &Arc<TestClock>) -> TestApp {
    let app = TestApp::of(conduit::app()).clock(clock).start().await;
    fill(&app).await;
    app
}

async fn fill(app: &TestApp) {
    let filled = conduit::seed::fill(app.inject().await, app.inject().await).await;
    filled.expect("the seed fits the models");
}
