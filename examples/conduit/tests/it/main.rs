//! Conduit as its clients see it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod articles;
mod comments;
mod engines;
mod factories;
mod favorites;
mod pages;
mod profiles;
mod publishing;
mod v2;

use mainstay_test::TestApp;

/// The application with the content of the first start.
async fn conduit() -> TestApp {
    let app = TestApp::start(conduit::app()).await;
    fill(&app).await;
    app
}

async fn fill(app: &TestApp) {
    let filled = conduit::seed::fill(app.inject().await, app.inject().await).await;
    filled.expect("the seed fits the models");
}
