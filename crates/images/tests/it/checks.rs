//! What is found before anything runs.

use mainstay_core::App;
use mainstay_core::config::Sources;
use mainstay_db::migrate::Decisions;
use mainstay_db::migrate::diff::diff;
use mainstay_db::schema::Schema;
use mainstay_db::{Migrations, Models, models};
use mainstay_images::{ImageVariant, ImagesExt};
use mainstay_test::TestApp;

use crate::album::{Sheet, album};

#[test]
fn mistakes_are_found_at_the_start() {
    let found = |app: App| app.assemble(Sources::isolated()).findings().to_string();
    let twice = found(album().image_variant(ImageVariant::cover("thumb", 1, 1)));
    assert!(twice.contains("images.E001") && !twice.contains("images.E002"), "{twice}");
    let huge = found(album().image_variant(ImageVariant::cover("huge", 1, 100_000)));
    assert!(huge.contains("images.E002") && huge.contains("1 to 16384"), "{huge}");
    assert!(!found(album()).contains("images."));
}

#[tokio::test]
async fn the_migrations_make_the_tables_that_the_models_need() {
    let app = TestApp::start(album()).await;
    let contributions = &app.assembly().contributions;
    let mut made = Schema::default();
    for found in contributions.of::<Migrations>() {
        made = found.value.history().unwrap().schema(&made).unwrap();
    }
    let all = Models::of_application(contributions);
    let own: Vec<_> = models![Sheet].iter().map(|meta| meta.table).collect();
    let library: Vec<_> = all.into_iter().filter(|meta| !own.contains(&meta.table)).collect();
    let steps = diff(&made, &Schema::of_models(&library), &mut Decisions::default()).unwrap();
    assert!(steps.is_empty(), "{steps:#?}");
    app.stop().await;
}
