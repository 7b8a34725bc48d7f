//! How variants come to be.

use mainstay_core::Error;
use mainstay_images::{Format, ImageVariant};
use mainstay_test::{TestApp, on_each_engine};

use crate::album::{Look, THUMB, WIDE, album, photograph};

async fn on_each(test: impl AsyncFn(Look<'_>)) {
    on_each_engine(|| TestApp::of(album()), async |app| test(Look::at(app).await).await).await;
}

#[tokio::test]
async fn all_are_made_by_a_job_when_the_transaction_is_committed() {
    on_each(async |look| {
        let (_, picture) = look.picture("beach.jpeg", photograph(300, 150)).await;
        let undone = look.db.transaction(async |tx| {
            look.images.prepare(&picture, tx).await?;
            Err::<(), _>(Error::internal("on second thoughts"))
        });
        undone.await.unwrap_err();
        assert_eq!(look.app.run_jobs().await, 0);
        look.db.transaction(async |tx| look.images.prepare(&picture, tx).await).await.unwrap();
        assert_eq!(look.app.run_jobs().await, 1);
        let thumb = look.images.variant(&picture, &THUMB).await.unwrap().unwrap();
        assert_eq!((thumb.name.as_str(), thumb.media_type.as_str()), ("beach.jpg", "image/jpeg"));
        assert_eq!(look.size(&thumb).await, (32, 32));
        let wide = look.images.variant(&picture, &WIDE).await.unwrap().unwrap();
        assert_eq!(look.size(&wide).await, (100, 50));
    })
    .await;
}

#[tokio::test]
async fn one_that_nobody_has_prepared_is_made_when_it_is_asked_for() {
    on_each(async |look| {
        let (_, first) = look.picture("a.jpg", photograph(60, 60)).await;
        let (_, second) = look.picture("b.jpg", photograph(60, 60)).await;
        for _ in 0..3 {
            assert!(look.images.variant(&first, &THUMB).await.unwrap().is_none());
        }
        assert_eq!(look.app.run_jobs().await, 1, "of three for one picture, one waits");
        let made = look.images.variants_of([&first, &second], &THUMB).await.unwrap();
        assert_eq!(made.keys().collect::<Vec<_>>(), [&first.id]);
        assert_eq!(look.app.run_jobs().await, 1);
        assert_eq!(look.images.variants_of([&first, &second], &THUMB).await.unwrap().len(), 2);
        let now = look.images.make(&first, &THUMB).await.unwrap().unwrap();
        assert_eq!(now.id, made[&first.id].id, "it is made once");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_picture_has_none_and_is_looked_at_once() {
    on_each(async |look| {
        let mut broken = photograph(60, 60);
        broken.truncate(60);
        for (name, bytes) in [("a.txt", b"no picture".to_vec()), ("b.jpg", broken)] {
            let (_, file) = look.picture(name, bytes).await;
            assert!(look.images.variant(&file, &THUMB).await.unwrap().is_none());
            assert_eq!(look.app.run_jobs().await, 1);
            assert!(look.images.variant(&file, &THUMB).await.unwrap().is_none());
            assert_eq!(look.app.run_jobs().await, 0, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_cannot_be_made_now_waits_in_one_job() {
    on_each(async |look| {
        let (_, picture) = look.picture("a.jpg", photograph(60, 60)).await;
        // The file is gone from the store: as if that were away.
        look.attachments.files().delete(&picture.key).await.unwrap();
        for _ in 0..3 {
            assert!(look.images.variant(&picture, &THUMB).await.unwrap().is_none());
            look.app.run_jobs().await;
        }
        let jobs = mainstay_jobs::StoredJob::query().all(&*look.db).await.unwrap();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        assert_eq!(jobs[0].state, mainstay_jobs::State::Retrying);
    })
    .await;
}

#[tokio::test]
async fn what_was_too_large_is_looked_at_again_when_more_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let start = async |most: &str| {
        let url = |what: &str| folder.path().join(what).display().to_string();
        let app = TestApp::of(album()).set("database.url", format!("sqlite:{}", url("album.db")));
        app.set("files.url", format!("file:{}", url("files"))).set("images.most_pixels", most).start().await
    };
    let app = start("10000").await;
    let look = Look::at(&app).await;
    let (_, picture) = look.picture("a.jpg", photograph(200, 200)).await;
    assert!(look.images.make(&picture, &THUMB).await.unwrap().is_none());
    assert!(look.images.variant(&picture, &THUMB).await.unwrap().is_none());
    assert_eq!(look.app.run_jobs().await, 0, "it is known that there is none");
    app.stop().await;
    let app = start("100000").await;
    assert!(Look::at(&app).await.images.make(&picture, &THUMB).await.unwrap().is_some());
    app.stop().await;
}

#[tokio::test]
async fn one_that_is_made_otherwise_by_now_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let start = async |variant: ImageVariant| {
        use mainstay_core::App;
        use mainstay_db::{ModelsExt, models};
        use mainstay_images::ImagesExt;
        let app = App::new().models(models![crate::album::Sheet]).image_variant(variant);
        let url = |what: &str| folder.path().join(what).display().to_string();
        let app = TestApp::of(app).set("database.url", format!("sqlite:{}", url("album.db")));
        app.set("files.url", format!("file:{}", url("files"))).start().await
    };
    let app = start(THUMB).await;
    let look = Look::at(&app).await;
    let (_, picture) = look.picture("a.jpg", photograph(60, 60)).await;
    let before = look.images.make(&picture, &THUMB).await.unwrap().unwrap();
    let other = look.images.make(&picture, &THUMB.quality(10)).await.unwrap_err().report();
    assert!(other.contains(".image_variant("), "{other}");
    app.stop().await;

    let larger = ImageVariant::cover("thumb", 48, 48).format(Format::Png);
    let app = start(larger).await;
    let look = Look::at(&app).await;
    assert!(look.images.variant(&picture, &larger).await.unwrap().is_none());
    look.app.run_jobs().await;
    let after = look.images.variant(&picture, &larger).await.unwrap().unwrap();
    assert_ne!(before.id, after.id);
    assert_eq!((look.size(&after).await, after.media_type.as_str()), ((48, 48), "image/png"));
    app.stop().await;
}
