//! What becomes of the variants of a picture that is gone.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::TestClock;
use mainstay_store::files::Blob;
use mainstay_test::{TestApp, on_each_engine};

use crate::album::{Look, THUMB, album, photograph};

#[tokio::test]
async fn they_go_too_and_those_of_others_stay() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || TestApp::of(album()).clock(&clock),
        async |app| {
            let look = Look::at(app).await;
            let (sheet, gone) = look.picture("gone.jpg", photograph(60, 60)).await;
            let (_, stays) = look.picture("stays.jpg", photograph(60, 60)).await;
            for picture in [&gone, &stays] {
                look.db.transaction(async |tx| look.images.prepare(picture, tx).await).await.unwrap();
            }
            look.app.run_jobs().await;
            let files = async || Blob::query().count(&*look.db).await.unwrap();
            assert_eq!(files().await, 6);
            let thumb = look.images.variant(&gone, &THUMB).await.unwrap().unwrap();
            sheet.delete(&*look.db).await.unwrap();
            clock.advance(Duration::from_secs(25 * 60 * 60));
            // The picture goes, since nothing refers to it: its variants do not.
            look.attachments.sweep().await.unwrap();
            assert_eq!(files().await, 5);
            look.images.sweep().await.unwrap();
            look.attachments.sweep().await.unwrap();
            assert_eq!(files().await, 3, "the picture that stays, and its two variants");
            assert!(look.attachments.get(&thumb).await.is_err(), "and so has the file");
            assert!(look.images.variant(&stays, &THUMB).await.unwrap().is_some());
        },
    )
    .await;
}
