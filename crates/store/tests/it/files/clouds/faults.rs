//! A server that hangs, fails, and breaks off in the middle.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use mainstay_store::files::{FilesConfig, FilesError};

use super::proxy::{Fault, Proxy};
use super::{Cloud, clouds, folder};
use crate::files::{in_pieces, noise};

fn patient_for(cloud: &Cloud, timeout: Duration) -> FilesConfig {
    FilesConfig { timeout, ..cloud.settings.clone() }
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_is_given_up_in_time() {
    for cloud in clouds() {
        let settings = patient_for(&cloud, Duration::from_millis(700));
        let hanging = Proxy::to(1, [Fault::Hangs; 20]).await;
        for port in [hanging.port, 1] {
            let files = cloud.files_at(port, &folder(), &settings).await;
            let began = Instant::now();
            for error in [
                files.get("a").await.map(drop).unwrap_err(),
                files.put("a", "x").await.map(drop).unwrap_err(),
                files.delete("a").await.unwrap_err(),
                files.list("").try_next().await.map(drop).unwrap_err(),
            ] {
                assert_eq!(error.status(), 503);
                assert!(matches!(error.source_as(), Some(FilesError::OutOfReach { .. })), "{error:?}");
            }
            assert!(began.elapsed() < Duration::from_secs(4 * 3), "{:?}", began.elapsed());
        }
    }
}

#[tokio::test]
async fn what_fails_for_a_moment_is_tried_again() {
    for cloud in clouds() {
        let settings = patient_for(&cloud, Duration::from_secs(10));
        let folder = folder();
        for fault in [Fault::Fails, Fault::CutAfter(0)] {
            let proxy = Proxy::to(cloud.port, [fault; 2]).await;
            let files = cloud.files_at(proxy.port, &folder, &settings).await;
            files.put("a", "x").await.unwrap();
            assert!(proxy.connections.load(Ordering::Relaxed) >= 3, "{fault:?}");
        }
        // Not for ever.
        let proxy = Proxy::to(cloud.port, [Fault::Fails; 20]).await;
        let error = cloud.files_at(proxy.port, &folder, &settings).await.put("a", "x").await.unwrap_err();
        assert_eq!(error.status(), 503);
        assert_eq!(proxy.connections.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test]
async fn a_download_that_is_cut_off_or_stalls_goes_on_where_it_was() {
    for cloud in clouds() {
        let settings = patient_for(&cloud, Duration::from_secs(2));
        let folder = folder();
        let all = noise(3 << 20);
        let direct = cloud.files_at(cloud.port, &folder, &cloud.settings).await;
        direct.put("a", all.clone()).await.unwrap();
        for faults in [
            [Fault::CutAfter(1 << 20), Fault::CutAfter(200_000)],
            [Fault::StallsAfter(500_000), Fault::CutAfter(0)],
        ] {
            let proxy = Proxy::to(cloud.port, faults).await;
            let files = cloud.files_at(proxy.port, &folder, &settings).await;
            assert!(files.get("a").await.unwrap().bytes().await.unwrap() == all, "{faults:?}");
            assert!(proxy.connections.load(Ordering::Relaxed) >= 3);
        }
    }
}

#[tokio::test]
async fn a_download_goes_on_as_long_as_something_comes_and_is_never_short() {
    for cloud in clouds() {
        let settings = patient_for(&cloud, Duration::from_secs(2));
        let (folder, all) = (folder(), noise(3 << 20));
        let direct = cloud.files_at(cloud.port, &folder, &cloud.settings).await;
        direct.put("a", all.clone()).await.unwrap();
        // Longer, all in all, than anything is tried again for.
        let proxy = Proxy::to(cloud.port, [Fault::CutAfter(400_000); 8]).await;
        let files = cloud.files_at(proxy.port, &folder, &settings).await;
        assert!(files.get("a").await.unwrap().bytes().await.unwrap() == all);
        // Nothing but the heads of answers comes, over and over.
        let proxy = Proxy::to(cloud.port, [Fault::CutAfter(700); 100]).await;
        let files = cloud.files_at(proxy.port, &folder, &settings).await;
        let error = files.get("a").await.unwrap().bytes().await.unwrap_err();
        assert_eq!(error.status(), 503);
    }
}

#[tokio::test]
async fn a_download_does_not_go_on_with_another_file() {
    for cloud in clouds() {
        let settings = patient_for(&cloud, Duration::from_secs(2));
        let folder = folder();
        let direct = cloud.files_at(cloud.port, &folder, &cloud.settings).await;
        direct.put("a", bytes::Bytes::from(vec![1; 3 << 20])).await.unwrap();
        let proxy = Proxy::to(cloud.port, [Fault::StallsAfter(500_000)]).await;
        let files = cloud.files_at(proxy.port, &folder, &settings).await;
        let found = files.get("a").await.unwrap();
        direct.put("a", bytes::Bytes::from(vec![2; 3 << 20])).await.unwrap();
        assert!(found.bytes().await.is_err());
    }
}

#[tokio::test]
async fn an_upload_on_a_bad_way_is_whole_or_not_there() {
    for cloud in clouds() {
        let settings = patient_for(&cloud, Duration::from_secs(5));
        let (folder, all) = (folder(), noise(20 << 20));
        let direct = cloud.files_at(cloud.port, &folder, &cloud.settings).await;
        for (number, faults) in [
            vec![Fault::Fails],
            vec![Fault::CutAfter(100); 3],
            vec![Fault::CutAfter(600); 6],
            vec![Fault::Fails; 30],
        ]
        .into_iter()
        .enumerate()
        {
            let proxy = Proxy::to(cloud.port, faults).await;
            let files = cloud.files_at(proxy.port, &folder, &settings).await;
            let key = format!("large-{number}");
            match files.put(&key, in_pieces(all.clone())).await {
                Ok(_) => assert!(direct.get(&key).await.unwrap().bytes().await.unwrap() == all, "{number}"),
                Err(error) => {
                    assert_eq!(error.status(), 503, "{number}");
                    // Where the last answer was lost, it is there.
                    if direct.exists(&key).await.unwrap() {
                        assert!(direct.get(&key).await.unwrap().bytes().await.unwrap() == all, "{number}");
                    }
                }
            }
        }
    }
}
