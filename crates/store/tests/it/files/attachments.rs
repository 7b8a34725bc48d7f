//! Files that rows refer to: what is kept, and what is not, whatever happens in between.
//!
//! - this file: what becomes of a file by what becomes of rows.
//! - `direct`: uploads straight into the store.
//! - `races`: many at once.
//! - `killed`: a process that ends in the middle.

mod direct;
pub(super) mod killed;
mod races;

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_core::{App, Contribute, Error, Profile};
use mainstay_db::{BelongsTo, Db, Migrations, ModelsExt, model, models, sql};
use mainstay_store::files::{Attachments, Blob, Files, KeepsAttachments, ServesFiles};
use mainstay_test::{Setup, TestApp, on_each_engine};

use super::{cut_off, noise};

/// Has one.
#[model]
pub struct Reader {
    pub id: i64,
    #[belongs_to]
    pub avatar: Option<BelongsTo<Blob>>,
}

/// Has many, by the model between.
#[model]
pub struct Album {
    pub id: i64,
    pub title: String,
}

#[model(table = "photos of albums")]
pub struct Photo {
    pub id: i64,
    #[belongs_to(on_delete = cascade)]
    pub album: BelongsTo<Album>,
    #[belongs_to]
    pub file: BelongsTo<Blob>,
}

pub(super) fn setup(clock: &Arc<TestClock>) -> Setup {
    let app =
        App::new().models(models![Reader, Album, Photo]).contribute(KeepsAttachments).contribute(ServesFiles);
    TestApp::of(app).clock(clock)
}

pub(super) struct World {
    pub(super) db: Db,
    pub(super) files: Files,
    pub(super) attachments: Attachments,
}

pub(super) async fn world(app: &TestApp) -> World {
    World {
        db: Db::clone(&*app.inject::<Db>().await),
        files: Files::clone(&*app.inject::<Files>().await),
        attachments: Attachments::clone(&*app.inject::<Attachments>().await),
    }
}

impl World {
    /// How many rows of files there are, and how many files.
    pub(super) async fn counts(&self) -> (u64, usize) {
        let files: Vec<_> = self.files.list("").try_collect().await.unwrap();
        (Blob::query().count(&self.db).await.unwrap(), files.len())
    }

    pub(super) async fn has(&self, blob: &Blob) -> bool {
        self.attachments.get(blob).await.is_ok()
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_file_stays_as_long_as_a_row_refers_to_it() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { db, attachments, .. } = &world;
            let first = attachments.keep("me.png", "first").await.unwrap();
            let second = attachments.keep("me too.png", "second").await.unwrap();
            let photo = attachments.keep("photo.png", "photo").await.unwrap();
            let mut reader = NewReader {}.avatar(Some(first.key())).insert(db).await.unwrap();
            let album = NewAlbum { title: "Summer".into() }.insert(db).await.unwrap();
            NewPhoto { album: album.key(), file: photo.key() }.insert(db).await.unwrap();

            // Nothing goes before its time, and then what nobody has attached.
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (3, 3));
            clock.advance(DAY * 2);
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (2, 2));
            assert!(world.has(&first).await && world.has(&photo).await && !world.has(&second).await);

            // Replaced by another.
            let third = attachments.keep("new.png", "third").await.unwrap();
            reader.update(|reader| reader.avatar(Some(third.key())), db).await.unwrap();
            attachments.sweep().await.unwrap();
            assert!(world.has(&third).await && !world.has(&first).await);
            clock.advance(DAY * 2);
            // Let go of, and gone with what it belonged to.
            reader.update(|reader| reader.avatar(None), db).await.unwrap();
            album.delete(db).await.unwrap();
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (0, 0));
            clock.advance(DAY * 2);
        },
    )
    .await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_let_a_file_go_that_is_referred_to() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let World { db, attachments, .. } = world(app).await;
            let blob = attachments.keep("me.png", "me").await.unwrap();
            NewReader {}.avatar(Some(blob.key())).insert(&db).await.unwrap();
            assert_eq!(Blob::filter(|one| one.id.eq(blob.id)).delete(&db).await.unwrap_err().status(), 409);
        },
    )
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_a_file_that_is_swept() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { db, attachments, .. } = &world;
            let blob = attachments.keep("me.png", "me").await.unwrap();
            let undone = db.transaction(async |tx| {
                NewReader {}.avatar(Some(blob.key())).insert(tx).await?;
                Err::<(), _>(Error::conflict("no"))
            });
            undone.await.unwrap_err();
            assert_eq!(world.counts().await, (1, 1));
            clock.advance(DAY * 2);
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (0, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn purging_is_done_after_the_commit_and_only_where_nothing_refers_to_the_file() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { db, attachments, .. } = &world;
            let blob = attachments.keep("me.png", "me").await.unwrap();
            let mut readers = Vec::new();
            for _ in 0..2 {
                readers.push(NewReader {}.avatar(Some(blob.key())).insert(db).await.unwrap());
            }
            let mut last = readers.pop().unwrap();
            let mut first = readers.pop().unwrap();
            // Rolled back.
            let undone = db.transaction(async |tx| {
                last.update(|reader| reader.avatar(None), tx).await?;
                attachments.purge(blob.key(), tx);
                Err::<(), _>(Error::conflict("no"))
            });
            undone.await.unwrap_err();
            assert!(world.has(&blob).await);
            // Committed, while another refers to it.
            db.transaction(async |tx| {
                first.update(|reader| reader.avatar(None), tx).await?;
                attachments.purge(blob.key(), tx);
                Ok(())
            })
            .await
            .unwrap();
            assert!(world.has(&blob).await);
            // Committed, and it was the last.
            db.transaction(async |tx| {
                Reader::query().delete(tx).await?;
                attachments.purge(blob.key(), tx);
                assert!(world.has(&blob).await, "before the commit");
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(world.counts().await, (0, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let error = world.attachments.keep("a", cut_off(noise(100_000))).await.unwrap_err();
            assert_eq!(error.message(), "The client has gone.");
            assert_eq!(world.counts().await, (0, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_longer_on_its_way_than_it_may_be_is_refused_and_leaves_nothing() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let (moved, swept) = (Arc::clone(&clock), world.attachments.clone());
            // Between its first piece and its last, its time is over, and the service looks.
            let pieces = futures_util::stream::iter([0, 1]).then_each(move |index| {
                let (moved, swept) = (Arc::clone(&moved), swept.clone());
                async move {
                    if index == 1 {
                        moved.advance(DAY * 2);
                        swept.sweep().await?;
                    }
                    Ok::<_, Error>(noise(10_000))
                }
            });
            let error = world
                .attachments
                .keep("slow", mainstay_store::files::FileBody::stream(pieces))
                .await
                .unwrap_err();
            assert_eq!(error.status(), 503);
            assert_eq!(world.counts().await, (0, 0));
        },
    )
    .await;
}

#[tokio::test]
async fn a_file_that_comes_after_it_was_given_up_goes_when_the_last_byte_must_have_come() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock),
        async |app| {
            let world = world(app).await;
            let World { db, files, attachments } = &world;
            attachments.keep("a", cut_off(noise(100_000))).await.unwrap_err();
            // The store goes on with what it was sent, or a process has been killed before it could learn that it is too late.
            let select = format!("SELECT {} FROM mainstay_files_to_delete", db.dialect().quote("key"));
            let (key,) = sql(select).fetch_one::<(String,)>(db).await.unwrap();
            files.put(key, "late").await.unwrap();
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (0, 1));
            clock.advance(DAY * 2);
            attachments.sweep().await.unwrap();
            assert_eq!(world.counts().await, (0, 0));
            let left = "SELECT COUNT(*) FROM mainstay_files_to_delete";
            assert_eq!(sql(left).fetch_one::<(i64,)>(db).await.unwrap(), (0,));
        },
    )
    .await;
}

trait ThenEach: futures_util::Stream + Sized {
    fn then_each<F: Future>(
        self,
        each: impl FnMut(Self::Item) -> F + Send + 'static,
    ) -> impl futures_util::Stream<Item = F::Output> {
        futures_util::StreamExt::then(self, each)
    }
}

impl<S: futures_util::Stream> ThenEach for S {}

#[tokio::test]
async fn a_file_is_what_its_content_says_and_shows_no_key() {
    let clock = Arc::new(TestClock::default());
    let app = setup(&clock).start().await;
    let World { attachments, .. } = world(&app).await;
    let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    for (name, body, media_type) in [
        ("page.html", png, "image/png"),
        ("me.png", &b"<script>"[..], "text/html"),
        ("table.csv", b"a;b", "text/csv"),
        ("script.js", b"alert(1)", "text/plain"),
        ("", b"\x01\x02", "application/octet-stream"),
    ] {
        let blob = attachments.keep(name, body).await.unwrap();
        assert_eq!((&*blob.media_type, blob.size), (media_type, body.len() as i64), "{name}");
        let json = serde_json::to_value(&blob).unwrap();
        assert!(json.get("key").is_none() && !json.to_string().contains(&blob.key), "{json}");
        let shown = serde_json::to_value(attachments.show(&blob).await.unwrap()).unwrap();
        assert_eq!((&shown["name"], &shown["media_type"]), (&name.into(), &media_type.into()));
        assert!(shown["url"].as_str().unwrap().starts_with("/_files/"), "{shown}");
    }
    let blob = attachments.keep("x".repeat(300) + ".txt", "abc").await.unwrap();
    assert!(blob.name.len() == 255 && blob.name.ends_with(".txt"));
    assert_eq!(&blob.sha256.unwrap()[..8], "ba7816bf");
    app.stop().await;
}

#[tokio::test]
async fn the_migration_makes_the_tables_that_the_models_need() {
    let app = setup(&Arc::new(TestClock::default())).start().await;
    assert_eq!(app.assert_migrations_make("mainstay_"), 2);
    app.stop().await;
}

/// What `migrate make` writes for a model that refers to a file.
const READERS: &str = r#"
after = []

[[operations]]
create_table = "readers"
columns = [
    { name = "id", type = "bigint", generated = true },
    { name = "avatar_id", type = "uuid", nullable = true },
]
primary_key = ["id"]
indexes = [{ name = "readers_avatar_id_idx", columns = ["avatar_id"] }]
foreign_keys = [
    { name = "readers_avatar_id_fkey", columns = ["avatar_id"], to = "mainstay_blobs", keys = ["id"], on_delete = "restrict" },
]
"#;

#[tokio::test]
async fn migrations_of_an_application_may_refer_to_files() {
    let clock = Arc::new(TestClock::default());
    let setup = || {
        let own = Migrations::embedded("readers", "/nowhere", "", &[("0001_readers", READERS)]);
        let app = App::new().models(models![Reader]).migrations(own).contribute(KeepsAttachments);
        TestApp::of(app).clock(&clock)
    };
    on_each_engine(setup, async |app| {
        let world = world(app).await;
        let World { db, attachments, .. } = &world;
        let blob = attachments.keep("me.png", "me").await.unwrap();
        NewReader {}.avatar(Some(blob.key())).insert(db).await.unwrap();
        assert_eq!(Blob::filter(|one| one.id.eq(blob.id)).delete(db).await.unwrap_err().status(), 409);
        clock.advance(DAY * 2);
        attachments.sweep().await.unwrap();
        assert!(world.has(&blob).await);
    })
    .await;
}

#[test]
fn references_that_would_lose_rows_or_files_are_found_at_start() {
    #[model(table = "careless")]
    pub struct Careless {
        pub id: i64,
        #[belongs_to(on_delete = cascade)]
        pub file: BelongsTo<Blob>,
        #[belongs_to(on_delete = set_null)]
        pub other: Option<BelongsTo<Blob>>,
    }
    let found = |app: App| {
        let app = app.profile(Profile::Test).set("database.url", "sqlite::memory:");
        app.assemble(Sources::isolated()).findings().to_string()
    };
    let careless = found(App::new().models(models![Careless]).contribute(KeepsAttachments));
    for field in ["file", "other"] {
        let told = format!(
            "error[files.E004]: `Careless.{field}` refers to a file, and would go or be emptied with it"
        );
        assert!(careless.contains(&told), "{careless}");
    }
    assert!(found(App::new().contribute(KeepsAttachments)).contains("warning[files.W004]"));
    let careful = found(App::new().models(models![Reader]).contribute(KeepsAttachments));
    assert!(!careful.contains("files."), "{careful}");
}
