//! The migrations make the tables that the models need.

use crate::setup;

#[tokio::test]
async fn make_the_tables_that_the_models_need() {
    let app = setup().start().await;
    app.assert_migrations_make("mainstay_job");
}
