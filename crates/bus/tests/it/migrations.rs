//! The migrations of the crate's parts make the tables that its models need.

use mainstay_bus::WebhooksExt;
use mainstay_core::App;
use mainstay_db::Migrations;
use mainstay_test::TestApp;

#[tokio::test]
async fn make_the_tables_that_the_models_need() {
    let app = TestApp::start(App::new().webhooks()).await;
    app.assert_migrations_make("");
    let contributions = &app.assembly().contributions;
    assert_eq!(contributions.of::<Migrations>().count(), 2);
    app.stop().await;
}
