//! The migrations make the tables that the models need.

use mainstay_db::migrate::Decisions;
use mainstay_db::migrate::diff::diff;
use mainstay_db::schema::Schema;
use mainstay_db::{Migrations, Models};

use crate::setup;

#[tokio::test]
async fn make_the_tables_that_the_models_need() {
    let app = setup().start().await;
    let contributions = &app.assembly().contributions;
    let mut made = Schema::default();
    for found in contributions.of::<Migrations>() {
        made = found.value.history().unwrap().schema(&made).unwrap();
    }
    let models = Models::of_application(contributions).into_iter();
    let ours: Vec<_> = models.filter(|meta| meta.table.starts_with("mainstay_job")).collect();
    let steps = diff(&made, &Schema::of_models(&ours), &mut Decisions::default()).unwrap();
    assert!(steps.is_empty(), "{steps:#?}");
}
