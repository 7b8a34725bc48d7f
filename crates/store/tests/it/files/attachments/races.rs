//! Many at once: whoever attaches while others let go, purge and sweep, gets an error or a file that stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay_core::clock::TestClock;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_db::{DbError, Key};
use mainstay_store::files::Blob;
use mainstay_test::on_each_engine;

use super::{NewReader, Reader, World, setup, world};

const WORKERS: usize = 6;
const STEPS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_goes_that_a_committed_row_refers_to() {
    let clock = Arc::new(TestClock::default());
    on_each_engine(
        || setup(&clock).set("files.attach_within", "1m").repeats(100_000).statements(1_000_000),
        async |app| {
            let world = Arc::new(world(app).await);
            let random = Arc::new(SecureRandom::new());
            let (attached, late) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let shared: Arc<std::sync::Mutex<Vec<Key<Blob>>>> = Arc::default();
            let workers = (0..WORKERS).map(|_| {
                let (world, random, shared) = (Arc::clone(&world), Arc::clone(&random), Arc::clone(&shared));
                let (attached, late) = (Arc::clone(&attached), Arc::clone(&late));
                tokio::spawn(async move {
                    let World { db, attachments, .. } = &*world;
                    for _ in 0..STEPS {
                        // One of its own, or one that somebody else has, or had.
                        let others = shared.lock().unwrap().get(random.number() as usize % 40).cloned();
                        let key = match others {
                            Some(key) => key,
                            None => match attachments.keep("a", "some bytes").await {
                                Ok(blob) => blob.key(),
                                Err(error) => {
                                    assert_eq!(error.status(), 503, "{error:?}");
                                    continue;
                                }
                            },
                        };
                        shared.lock().unwrap().push(key);
                        let new = NewReader {}.avatar(Some(key));
                        let reader = match new.insert(db).await {
                            Ok(reader) => reader,
                            Err(error) => {
                                let unknown =
                                    matches!(error.source_as(), Some(DbError::UnknownReference { .. }));
                                assert!(unknown, "{error:?}");
                                late.fetch_add(1, Ordering::Relaxed);
                                continue;
                            }
                        };
                        attached.fetch_add(1, Ordering::Relaxed);
                        // Often, others refer to it, too, or are about to.
                        if random.number().is_multiple_of(2) {
                            let purged = db.transaction_retry(async |tx| {
                                Reader::filter(|one| one.id.eq(reader.id)).delete(tx).await?;
                                attachments.purge(key, tx);
                                Ok(())
                            });
                            purged.await.unwrap();
                        }
                    }
                })
            });
            let workers: Vec<_> = workers.collect();
            // The time of all of them is over again and again.
            while !workers.iter().all(tokio::task::JoinHandle::is_finished) {
                clock.advance(Duration::from_secs(61));
                let swept = world.attachments.sweep().await;
                if let Err(error) = swept {
                    let given_up = matches!(
                        error.source_as(),
                        Some(DbError::Deadlock { .. } | DbError::SerializationFailure { .. })
                    );
                    assert!(given_up, "{error:?}");
                }
            }
            for worker in workers {
                worker.await.unwrap();
            }
            let readers = Reader::query().with(|reader| reader.avatar).all(&world.db).await.unwrap();
            for reader in &readers {
                let blob = reader.avatar.as_ref().unwrap().get().unwrap();
                let found = world.attachments.get(blob).await.unwrap().text().await.unwrap();
                assert_eq!(found, "some bytes");
            }
            assert!(
                attached.load(Ordering::Relaxed) > 20,
                "{} attached, {} late",
                attached.load(Ordering::Relaxed),
                late.load(Ordering::Relaxed)
            );
            // What nothing refers to is gone in the end, and nothing else.
            clock.advance(Duration::from_secs(100_000));
            let referred: std::collections::HashSet<_> =
                readers.iter().map(|reader| reader.avatar.as_ref().unwrap().get().unwrap().id).collect();
            let expected = (referred.len() as u64, referred.len());
            // The last who have purged may still be about to.
            let patience = tokio::time::Instant::now() + Duration::from_secs(20);
            loop {
                world.attachments.sweep().await.unwrap();
                let counts = world.counts().await;
                if counts == expected || tokio::time::Instant::now() > patience {
                    assert_eq!(counts, expected);
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        },
    )
    .await;
}
