//! Conduit as its clients see it.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod articles;
mod engines;
mod pages;
mod publishing;

use mainstay::prelude::*;
use mainstay_test::TestApp;

/// The application with the content of the first start.
async fn conduit() -> TestApp {
    let app = TestApp::start(conduit::app()).await;
    conduit::seed::fill(app.inject().await).await.expect("the seed fits the models");
    app
}

/// A token of this user.
async fn token(app: &TestApp, username: &str) -> String {
    let (keys, db) = (app.inject::<Keys>().await, app.inject::<Db>().await);
    let user =
        conduit::users::User::filter(|user| user.username.eq(username)).one(&db).await.expect("it is seeded");
    format!("Token {}", conduit::users::issue(&keys, &user))
}
