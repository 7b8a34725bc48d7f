//! `kill -9` of the process that writes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use mainstay_db::Db;

use super::{kills, writers};
use crate::contract::{Engine, suite};

/// The address of the database, for the child process.
const CHILD: &str = "MAINSTAY_TEST_CRASHING_DATABASE";

suite!(loses_no_acknowledged_write_when_it_is_killed);

async fn loses_no_acknowledged_write_when_it_is_killed(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let url = engine.lasting_url(folder.path()).await;
    let acknowledged = tokio::task::block_in_place(|| kill_again_and_again(&url));
    let db = Db::open(&url).await.unwrap();
    writers::verify(&db, &acknowledged).await;
    db.close().await;
}

fn kill_again_and_again(url: &str) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for round in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::process::writes_until_it_is_killed", "--nocapture", "--ignored"])
            .env(CHILD, url)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let enough = acknowledged.len() + 150 + 40 * (round % 5);
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(name) = line.unwrap().strip_prefix("kept ") {
                acknowledged.push(name.to_owned());
            }
            if acknowledged.len() == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= enough, "the child ended by itself");
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the test above"]
async fn writes_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let db = Db::open(&url).await.unwrap();
    writers::prepare(&db).await;
    let print = |name: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "kept {name}").and_then(|()| out.flush()).unwrap();
    };
    writers::write(db, print).await;
}
