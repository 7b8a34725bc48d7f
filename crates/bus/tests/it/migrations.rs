//! The migrations of the crate's parts make the tables that its models need.

use mainstay_bus::WebhooksExt;
use mainstay_core::App;
use mainstay_db::migrate::Decisions;
use mainstay_db::migrate::diff::diff;
use mainstay_db::schema::Schema;
use mainstay_db::{Migrations, Models};
use mainstay_test::TestApp;

#[tokio::test]
async fn make_the_tables_that_the_models_need() {
    let app = TestApp::start(App::new().webhooks()).await;
    let contributions = &app.assembly().contributions;
    let mut made = Schema::default();
    for found in contributions.of::<Migrations>() {
        made = found.value.history().unwrap().schema(&made).unwrap();
    }
    let models = Models::of_application(contributions);
    let steps = diff(&made, &Schema::of_models(&models), &mut Decisions::default()).unwrap();
    assert!(steps.is_empty(), "{steps:#?}");
    assert_eq!(contributions.of::<Migrations>().count(), 2);
    app.stop().await;
}
