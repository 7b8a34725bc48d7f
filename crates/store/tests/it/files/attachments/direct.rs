//! Uploads straight into the store.

use std::sync::Arc;
use std::time::Duration;

use mainstay_core::clock::TestClock;
use mainstay_core::{Error, Result};
use mainstay_store::files::attachments::{Announced, Arrived};
use mainstay_store::files::{Blob, FileBody, Files, Grant};
use mainstay_test::on_each_engine;

use super::{DAY, NewReader, World, setup, world};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// What the route does with a request.
async fn send(files: &Files, announced: &Announced, body: impl Into<FileBody>) -> Result<()> {
    let token = announced.upload.url.strip_prefix("/_files/").unwrap();
    let Ok(Grant::Write { key, size, .. }) = files.granted_to_write(token) else {
        panic!("nothing is granted")
    };
    files.put(key.as_str(), body.into().exactly(size)).await.map(drop)
}

fn a_picture(arrived: &Arrived) -> Result<&'static str> {
    match arrived.media_type {
        "image/png" => Ok("image/png"),
        other => Err(Error::bad_request(format!("a picture was expected, and no `{other}`"))),
    }
}

#[tokio::test]
async fn a_file_that_was_sent_is_looked_at_when_it_is_claimed_and_then_a_file_as_any_other() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { db, files, attachments } = &world;
            let announced = attachments.announce("me.png", "image/png", PNG.len() as u64).await.unwrap();
            assert_eq!(&*announced.upload.method, "PUT");
            let error = attachments.claim(&announced.claim, a_picture).await.unwrap_err();
            assert_eq!((error.status().as_u16(), error.machine_code()), (409, "file_not_sent"));
            send(files, &announced, PNG).await.unwrap();
            let blob = attachments.claim(&announced.claim, a_picture).await.unwrap();
            assert_eq!(
                (&*blob.name, &*blob.media_type, blob.size),
                ("me.png", "image/png", PNG.len() as i64)
            );
            assert_eq!(attachments.claim(&announced.claim, a_picture).await.unwrap().id, blob.id);
            NewReader {}.avatar(Some(blob.key())).insert(db).await.unwrap();

            // The request holds still, and changes nothing any more.
            let page = format!("{:16}", "<script>");
            send(files, &announced, page).await.unwrap();
            assert_eq!(attachments.get(&blob).await.unwrap().bytes().await.unwrap(), PNG);
            clock.advance(DAY * 2);
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (1, 1));
            assert!(world.has(&blob).await);
        },
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_said_to_be_is_refused_and_deleted() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { files, attachments, .. } = &world;
            let announced = attachments.announce("me.png", "image/png", 8).await.unwrap();
            send(files, &announced, "<script>").await.unwrap();
            let error = attachments.claim(&announced.claim, a_picture).await.unwrap_err();
            assert_eq!(error.message(), "a picture was expected, and no `text/html`");
            assert_eq!(world.counts().await, (0, 0));
            // Sent again, it is nobody's, and goes.
            send(files, &announced, "\u{89}PNG\r\n\u{1a}").await.unwrap();
            assert_eq!(attachments.claim(&announced.claim, a_picture).await.unwrap_err().status(), 404);
            clock.advance(DAY * 2);
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (0, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_never_claimed_goes_with_what_was_sent() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { files, attachments, .. } = &world;
            let announced = attachments.announce("me.png", "image/png", PNG.len() as u64).await.unwrap();
            attachments.announce("never sent.png", "image/png", 5).await.unwrap();
            send(files, &announced, PNG).await.unwrap();
            assert_eq!(world.counts().await, (2, 1));
            // Before it is claimed, nobody gets it.
            let blob = Blob::filter(|blob| blob.name.eq("me.png")).one(&world.db).await.unwrap();
            assert_eq!(attachments.show(&blob).await.unwrap_err().status(), 409);
            clock.advance(DAY + Duration::from_secs(1));
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (0, 0));
            assert_eq!(attachments.claim(&announced.claim, a_picture).await.unwrap_err().status(), 400);
        },
    )
    .await;
}

#[tokio::test]
async fn of_many_that_claim_at_once_all_get_one_file() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { db, files, attachments } = &world;
            let announced = attachments.announce("me.png", "image/png", PNG.len() as u64).await.unwrap();
            send(files, &announced, PNG).await.unwrap();
            let claims = (0..8).map(|_| attachments.claim(&announced.claim, a_picture));
            let claimed = futures_util::future::join_all(claims).await;
            let claimed: Vec<_> = claimed.into_iter().map(|claimed| claimed.unwrap()).collect();
            assert!(claimed.iter().all(|blob| blob.key == claimed[0].key));
            NewReader {}.avatar(Some(claimed[0].key())).insert(db).await.unwrap();
            clock.advance(DAY * 2);
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (1, 1));
            assert!(world.has(&claimed[0]).await);
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_made_up_claims_nothing() {
    let clock = Arc::new(TestClock::default());
    let app = setup(&clock).start().await;
    let World { attachments, .. } = world(&app).await;
    let announced = attachments.announce("me.png", "image/png", 5).await.unwrap();
    for claim in ["", "x", &announced.claim[1..], &announced.upload.url] {
        let error = attachments.claim(claim, a_picture).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (400, "claim_invalid"), "{claim}");
    }
    for media_type in
        ["", "image", "image/", "/png", "image/png; x=y", "a/b/c", "image/p\u{fc}", "text/x\r\ny"]
    {
        assert_eq!(
            attachments.announce("a", media_type, 1).await.unwrap_err().status(),
            400,
            "{media_type:?}"
        );
    }
    app.stop().await;
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
#[tokio::test]
async fn a_file_is_sent_straight_into_each_cloud_and_claimed_there() {
    use crate::files::clouds::{Cloud, ask, clouds, folder};

    for cloud in clouds() {
        let (name, clock) = (cloud.name, Arc::new(TestClock::default()));
        let values = Cloud::values((cloud.url)(cloud.port, &folder()), &cloud.settings);
        let app = values.into_iter().fold(setup(&clock), |setup, (name, value)| setup.set(name, value));
        let app = app.start().await;
        let world = world(&app).await;
        let attachments = &world.attachments;
        let announce = async |size| attachments.announce("me.png", "image/png", size).await.unwrap();
        let send = async |announced: &Announced, body: &'static [u8]| {
            let headers: Vec<_> =
                announced.upload.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            ask(&announced.upload.method, &announced.upload.url, &headers, body.into()).await.0
        };
        let size = PNG.len() as u64;
        let announced = announce(size).await;
        assert!((200..=201).contains(&send(&announced, PNG).await), "{name}");
        let blob = attachments.claim(&announced.claim, a_picture).await.unwrap();
        assert_eq!((&*blob.media_type, blob.size), ("image/png", PNG.len() as i64), "{name}");
        assert_eq!(attachments.get(&blob).await.unwrap().bytes().await.unwrap(), PNG, "{name}");
        // Another length than was announced is refused by the store, or when it is claimed.
        let announced = announce(size - 1).await;
        let is_taken = (200..=201).contains(&send(&announced, PNG).await);
        assert_eq!(is_taken, name == "azure", "{name}");
        let error = attachments.claim(&announced.claim, a_picture).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (409, "file_not_sent"), "{name}");
        app.stop().await;
    }
}
