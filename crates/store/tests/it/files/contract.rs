//! What every store has to do. A store joins by a line in `every_store`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use mainstay_core::clock::SystemClock;
use mainstay_store::files::{Files, FilesError, Local};
use tempfile::TempDir;

use super::{cut_off, in_pieces, keys, noise};

/// A store, empty.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) files: Files,
    _folder: Option<TempDir>,
}

/// The same with those that are elsewhere.
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
async fn elsewhere(mut all: Vec<Subject>) -> Vec<Subject> {
    for cloud in super::clouds::clouds() {
        all.push(Subject { name: cloud.name, files: cloud.files().await, _folder: None });
    }
    all
}

#[cfg(not(any(feature = "s3", feature = "gcs", feature = "azure")))]
async fn elsewhere(all: Vec<Subject>) -> Vec<Subject> {
    all
}

async fn every_store() -> Vec<Subject> {
    let folder = tempfile::tempdir().unwrap();
    let local = Files::over(Arc::new(Local::open(folder.path().join("files")).await.unwrap()));
    let memory = Files::in_memory(Arc::new(SystemClock));
    let here = vec![
        Subject { name: "memory", files: memory, _folder: None },
        Subject { name: "local", files: local, _folder: Some(folder) },
    ];
    elsewhere(here).await
}

#[tokio::test]
async fn a_file_is_read_as_it_was_put_and_says_what_it_is() {
    for Subject { name, files, .. } in every_store().await {
        let before = SystemTime::now() - Duration::from_secs(2);
        let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for (key, body, media_type) in [
            ("a.txt", &b"hello"[..], "text/plain; charset=utf-8"),
            ("empty", b"", "text/plain"),
            ("deep/er/than that/photo", png, "image/png"),
            ("gr\u{f6}\u{df}e 100% #1?&+.csv", b"a;b", "text/csv; charset=utf-8"),
            ("~a'(b)*!;@=,$/[c]^{d}|`e\"<>", b"\x01\x02", "application/octet-stream"),
        ] {
            let put = files.put(key, Bytes::copy_from_slice(body)).await.unwrap();
            let found = files.get(key).await.unwrap();
            let info = found.info().clone();
            assert_eq!((info.key.as_str(), info.size), (key, body.len() as u64), "{name}");
            assert_eq!(info.media_type, media_type, "{name} {key}");
            assert!(
                info.modified > before && info.modified < before + Duration::from_secs(60),
                "{name} {key}"
            );
            assert_eq!(
                (put.size, &put.media_type, &put.etag),
                (info.size, &info.media_type, &info.etag),
                "{name} {key}"
            );
            assert_eq!(files.head(key).await.unwrap(), info, "{name} {key}");
            assert_eq!(found.bytes().await.unwrap(), body, "{name} {key}");
            assert!(files.exists(key).await.unwrap(), "{name} {key}");
        }
    }
}

#[tokio::test]
async fn a_file_is_replaced_as_a_whole_and_tells_that_it_is_another() {
    for Subject { name, files, .. } in every_store().await {
        let first = files.put("a", "first").await.unwrap();
        let second = files.put("a", "other").await.unwrap();
        assert_ne!(first.etag, second.etag, "{name}");
        assert_eq!(files.get("a").await.unwrap().text().await.unwrap(), "other", "{name}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_can_be_deleted() {
    for Subject { name, files, .. } in every_store().await {
        files.put("a/b", "x").await.unwrap();
        for key in ["none", "a", "a/b/c", "a/c"] {
            assert_eq!(files.get(key).await.unwrap_err().status(), 404, "{name} {key}");
            assert!(!files.exists(key).await.unwrap(), "{name} {key}");
            files.delete(key).await.unwrap();
        }
        assert_eq!(files.head("none").await.unwrap_err().status(), 404, "{name}");
        assert_eq!(files.copy("none", "b").await.unwrap_err().status(), 404, "{name}");
        files.delete("a/b").await.unwrap();
        assert!(!files.exists("a/b").await.unwrap(), "{name}");
        assert_eq!(keys(files.list("")).await, Vec::<String>::new(), "{name}");
        // Nothing is left that would be in the way.
        files.put("a", "y").await.unwrap();
    }
}

#[tokio::test]
async fn keys_that_lead_elsewhere_are_refused() {
    for Subject { name, files, .. } in every_store().await {
        for key in ["", "/a", "../a", "a/../../b", "a//b", "a\\b", ".env", "a\0"] {
            assert_eq!(files.put(key, "x").await.unwrap_err().status(), 400, "{name} {key:?}");
            assert_eq!(files.get(key).await.unwrap_err().status(), 400, "{name} {key:?}");
            assert_eq!(files.delete(key).await.unwrap_err().status(), 400, "{name} {key:?}");
            assert_eq!(files.copy("a", key).await.unwrap_err().status(), 400, "{name} {key:?}");
        }
        assert!(files.list("../").next().await.unwrap().is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_read_from_anywhere() {
    for Subject { name, files, .. } in every_store().await {
        let all = noise(300_000);
        files.put("a.bin", all.clone()).await.unwrap();
        for (asked, had) in [
            (0..1, 0..1),
            (299_999..300_000, 299_999..300_000),
            (70_000..200_000, 70_000..200_000),
            (299_000..u64::MAX, 299_000..300_000),
        ] {
            let found = files.get_range("a.bin", asked.clone()).await.unwrap();
            assert_eq!((found.part(), found.info().size), (had.clone(), 300_000), "{name} {asked:?}");
            assert!(
                found.bytes().await.unwrap() == all[had.start as usize..had.end as usize],
                "{name} {asked:?}"
            );
        }
        for none in [300_000..300_001, 5..5] {
            let error = files.get_range("a.bin", none.clone()).await.unwrap_err();
            assert_eq!(error.status(), 416, "{name} {none:?}");
            assert!(matches!(error.source_as(), Some(FilesError::NoSuchPart { size: 300_000 })), "{name}");
        }
        assert_eq!(files.get_range("none", 0..1).await.unwrap_err().status(), 404, "{name}");
    }
}

#[tokio::test]
async fn a_large_file_comes_and_goes_in_pieces() {
    for Subject { name, files, .. } in every_store().await {
        // More than two parts of a bucket, and not a whole number of them.
        let all = noise((20 << 20) + 12_345);
        let put = files.put("large.bin", in_pieces(all.clone())).await.unwrap();
        assert_eq!(put.size, all.len() as u64, "{name}");
        assert_eq!(files.head("large.bin").await.unwrap().etag, put.etag, "{name}");
        let (mut at, mut largest) = (0, 0);
        let mut pieces = std::pin::pin!(files.get("large.bin").await.unwrap().stream());
        while let Some(piece) = pieces.try_next().await.unwrap() {
            assert!(piece == all[at..at + piece.len()], "{name}: at {at}");
            at += piece.len();
            largest = largest.max(piece.len());
        }
        assert_eq!(at, all.len(), "{name}");
        assert!(largest <= 1 << 20, "{name}: a piece of {largest}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_what_was_there() {
    for Subject { name, files, .. } in every_store().await {
        files.put("kept", "as before").await.unwrap();
        for length in [10, 200_000, 9 << 20] {
            for key in ["kept", "new"] {
                let error = files.put(key, cut_off(noise(length))).await.unwrap_err();
                assert_eq!(error.message(), "The client has gone.", "{name}");
            }
            let large = in_pieces(noise(length)).at_most(length as u64 - 1);
            assert_eq!(files.put("new", large).await.unwrap_err().status(), 413, "{name}");
        }
        assert_eq!(keys(files.list("")).await, ["kept"], "{name}");
        assert_eq!(files.get("kept").await.unwrap().text().await.unwrap(), "as before", "{name}");
        let whole = in_pieces(noise(200_000)).at_most(200_000);
        assert_eq!(files.put("new", whole).await.unwrap().size, 200_000, "{name}");
    }
}

#[tokio::test]
async fn nobody_sees_a_file_before_it_is_complete() {
    for Subject { name, files, .. } in every_store().await {
        let key = mainstay_store::files::FileKey::parse("slow").unwrap();
        let mut coming = files.store().begin(&key, "text/plain").await.unwrap();
        for _ in 0..3 {
            coming.write(noise(5 << 20)).await.unwrap();
            assert!(!files.exists("slow").await.unwrap(), "{name}");
            assert_eq!(keys(files.list("")).await, Vec::<String>::new(), "{name}");
        }
        drop(coming);
        assert!(!files.exists("slow").await.unwrap(), "{name}");
        let mut coming = files.store().begin(&key, "text/plain").await.unwrap();
        coming.write("done".into()).await.unwrap();
        assert_eq!(coming.finish().await.unwrap().size, 4, "{name}");
        assert!(files.exists("slow").await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn of_many_that_write_one_key_one_wins_whole() {
    for Subject { name, files, .. } in every_store().await {
        let write = |number: u8| {
            let body = in_pieces(Bytes::from(vec![number; 150_000]));
            files.put("contended/file", body).map(|put| put.map(drop))
        };
        let delete = files.delete("contended/file");
        let (written, deleted) =
            futures_util::join!(futures_util::future::try_join_all((1..9).map(write)), delete);
        written.unwrap();
        deleted.unwrap();
        // The deletion may have come last.
        files.put("contended/file", in_pieces(Bytes::from(vec![9; 150_000]))).await.unwrap();
        futures_util::future::try_join_all((1..9).map(write)).await.unwrap();
        let found = files.get("contended/file").await.unwrap().bytes().await.unwrap();
        assert_eq!(found.len(), 150_000, "{name}");
        assert!(found.iter().all(|byte| *byte == found[0]), "{name}: parts of two");
    }
}

#[tokio::test]
async fn who_has_begun_to_read_gets_that_file_or_an_error() {
    for Subject { name, files, .. } in every_store().await {
        for deleted in [false, true] {
            files.put("read", Bytes::from(vec![1; 3 << 20])).await.unwrap();
            let mut pieces = std::pin::pin!(files.get("read").await.unwrap().stream());
            let mut had = pieces.try_next().await.unwrap().unwrap().to_vec();
            if deleted {
                files.delete("read").await.unwrap();
            } else {
                files.put("read", Bytes::from(vec![2; 3 << 20])).await.unwrap();
            }
            while let Some(piece) = pieces.next().await {
                match piece {
                    Ok(piece) => had.extend_from_slice(&piece),
                    Err(_) => break,
                }
            }
            assert!(had.iter().all(|byte| *byte == 1), "{name}: parts of two");
        }
    }
}

#[tokio::test]
async fn a_copy_is_a_file_of_its_own() {
    for Subject { name, files, .. } in every_store().await {
        let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        files.put("from", png).await.unwrap();
        files.put("to/there", "as before").await.unwrap();
        files.copy("from", "to/there").await.unwrap();
        files.copy("from", "from").await.unwrap_or_default();
        files.put("from", "changed").await.unwrap();
        let copy = files.get("to/there").await.unwrap();
        assert_eq!(copy.info().media_type, "image/png", "{name}");
        assert_eq!(copy.bytes().await.unwrap(), png, "{name}");
    }
}

#[tokio::test]
async fn files_are_listed_by_folder_and_in_order() {
    for Subject { name, files, .. } in every_store().await {
        let all = ["a", "b-c/x", "b.txt", "b/c", "b/c.d/e", "b/d", "b0", "\u{fc}/\u{e4}"];
        for key in all.iter().rev() {
            if files.put(*key, *key).await.is_err() {
                panic!("{name} {key}");
            }
        }
        assert_eq!(keys(files.list("")).await, all, "{name}");
        assert_eq!(keys(files.list("b")).await, ["b/c", "b/c.d/e", "b/d"], "{name}");
        assert_eq!(keys(files.list("b/")).await, ["b/c", "b/c.d/e", "b/d"], "{name}");
        assert_eq!(keys(files.list("b/c.d")).await, ["b/c.d/e"], "{name}");
        for none in ["c", "a", "b/c", "a/b"] {
            assert_eq!(keys(files.list(none)).await, Vec::<String>::new(), "{name} {none}");
        }
        let sizes: Vec<u64> = files.list("").map_ok(|info| info.size).try_collect().await.unwrap();
        assert_eq!(sizes, all.map(|key| key.len() as u64), "{name}");
        let etag = files.head("b/c").await.unwrap().etag;
        assert_eq!(files.list("b").next().await.unwrap().unwrap().etag, etag, "{name}");
    }
}
