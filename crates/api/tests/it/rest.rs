//! Resources over REST, on every engine.

mod actions;
mod addresses;
mod bulk;
mod encrypted;
mod listing;
mod parts;
mod policies;
mod searching;
mod shop;
mod writing;

use mainstay_test::TestApp;
use serde_json::Value;

use mainstay_test::on_each_engine;

/// The shop on every engine.
async fn on_every_engine(test: impl AsyncFn(&TestApp)) {
    on_each_engine(
        || TestApp::of(shop::app()),
        async |app: &TestApp| {
            shop::fill(&*app.inject::<mainstay_db::Db>().await).await;
            test(app).await;
        },
    )
    .await;
}

/// Place and code of what is wrong.
fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let faults = problem["errors"].as_array().unwrap().iter();
    faults.map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
}
