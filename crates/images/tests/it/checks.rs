//! What is found before anything runs.

use mainstay_core::App;
use mainstay_core::config::Sources;
use mainstay_images::{ImageVariant, ImagesExt};
use mainstay_test::TestApp;

use crate::album::album;

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
    app.assert_migrations_make("mainstay_");
    app.stop().await;
}
