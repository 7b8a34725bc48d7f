//! Conduit as its clients see it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod articles;
mod engines;
mod factories;
mod pages;
mod publishing;

use mainstay_test::TestApp;

/// The application with the content of the first start.
async fn conduit() -> TestApp {
    let app = TestApp::start(conduit::app()).await;
    conduit::seed::fill(app.inject().await).await.expect("the seed fits the models");
    app
}
