//! A process that ends in the middle of keeping, attaching, letting go and sweeping, again and again, with `kill -9`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::container::Registration;
use mainstay_core::lifecycle::Services;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{App, Assembly, Contribute, Profile};
use mainstay_db::{Db, ModelsExt, models};
use mainstay_store::files::{Attachments, Blob, Files, KeepsAttachments};

use super::{Album, NewReader, Photo, Reader};
use crate::files::{in_pieces, noise};

/// Where the process that is killed finds its database; without it, it is nobody.
const HOME: &str = "MAINSTAY_TEST_KILLED";
/// And what it is configured with to find its files, as JSON.
const FILES: &str = "MAINSTAY_TEST_KILLED_FILES";
/// What it says as soon as something can be lost.
const ATTACHED: &str = "attached";

/// Names of settings, and what they are set to.
type Values = Vec<(String, String)>;

fn application(home: &str, files: &Values, clock: Option<Arc<TestClock>>) -> Arc<Assembly> {
    let app = App::new()
        .profile(Profile::Test)
        .models(models![Reader, Album, Photo])
        .contribute(KeepsAttachments)
        .set("database.url", format!("sqlite:{home}/data.sqlite"))
        .set("files.attach_within", "1m");
    let app = files.iter().fold(app, |app, (name, value)| app.set(name, value.as_str()));
    let app = match clock {
        Some(clock) => app.replace(Registration::of_value(clock as Arc<dyn Clock>)),
        None => app,
    };
    let assembly = app.assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    assembly
}

/// What the process does until it is killed.
#[tokio::test]
async fn works_until_it_is_killed() {
    let Ok(home) = std::env::var(HOME) else { return };
    let files: Values = serde_json::from_str(&std::env::var(FILES).unwrap()).unwrap();
    let assembly = application(&home, &files, None);
    let _started = assembly.start(Services::Background).await.unwrap();
    let db = assembly.resolver().get::<Db>().await.unwrap();
    let attachments = assembly.resolver().get::<Attachments>().await.unwrap();
    let random = SecureRandom::new();
    let mut is_told = false;
    loop {
        // Now and then one that goes to a cloud in parts.
        let length = match random.below(8) {
            0 => (9 << 20) + random.below(1_000) as usize,
            _ => random.below(300_000) as usize,
        };
        let blob = attachments.keep(format!("{length}"), in_pieces(noise(length))).await.unwrap();
        if !random.number().is_multiple_of(4) {
            NewReader {}.avatar(Some(blob.key())).insert(&*db).await.unwrap();
            // Once: nobody reads on.
            if !std::mem::replace(&mut is_told, true) {
                println!("{ATTACHED}");
            }
        }
        // The first stays.
        let second = Reader::query().order_by(|reader| reader.id).offset(1);
        if random.number().is_multiple_of(3)
            && let Some(reader) = second.first(&*db).await.unwrap()
        {
            let of = reader.avatar.as_ref().unwrap().key();
            let let_go = db.transaction(async |tx| {
                Reader::filter(|one| one.id.eq(reader.id)).delete(tx).await?;
                attachments.purge(of, tx);
                Ok(())
            });
            let_go.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_process_that_is_killed_loses_no_file_and_leaves_nothing_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let url = format!("file:{}", home.path().to_str().unwrap());
    is_killed_again_and_again(8, &vec![("files.url".to_owned(), url)]).await;
}

/// Has a process keep its files as it is configured here, and kills it in the middle, so many times.
pub(in crate::files) async fn is_killed_again_and_again(kills: usize, files: &Values) {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    let assembly = application(home, files, None);
    let started = assembly.start(Services::Background).await.unwrap();
    let db = assembly.resolver().get::<Db>().await.unwrap();
    let metas = mainstay_db::Models::of_application(&assembly.contributions);
    mainstay_db::schema::create_tables(&metas, &db).await.unwrap();
    drop((db, started, assembly));
    let random = SecureRandom::new();
    for _ in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "files::attachments::killed::works_until_it_is_killed", "--nocapture"])
            .env(HOME, home)
            .env(FILES, serde_json::to_string(files).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let attached = move || lines.map_while(Result::ok).any(|line| line == ATTACHED);
        assert!(tokio::task::spawn_blocking(attached).await.unwrap(), "it has ended by itself");
        tokio::time::sleep(Duration::from_millis(random.below(500))).await;
        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    // Two days later.
    let clock = Arc::new(TestClock::at(std::time::SystemTime::now() + Duration::from_secs(2 * 24 * 60 * 60)));
    let app = application(home, files, Some(clock));
    let _started = app.start(Services::Background).await.unwrap();
    let attachments = app.resolver().get::<Attachments>().await.unwrap();
    let (db, files) =
        (app.resolver().get::<Db>().await.unwrap(), app.resolver().get::<Files>().await.unwrap());
    attachments.sweep().await.unwrap();
    let readers = Reader::query().with(|reader| reader.avatar).all(&*db).await.unwrap();
    assert!(!readers.is_empty());
    for reader in &readers {
        let blob = reader.avatar.as_ref().unwrap().get().unwrap();
        let length: usize = blob.name.parse().unwrap();
        assert!(attachments.get(blob).await.unwrap().bytes().await.unwrap() == noise(length));
    }
    let found: Vec<_> = files.list("").try_collect().await.unwrap();
    assert_eq!(
        (Blob::query().count(&*db).await.unwrap() as usize, found.len()),
        (readers.len(), readers.len())
    );
}
