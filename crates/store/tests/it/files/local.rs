//! What only a folder has: links, a disk that is full, files that nobody meant to be there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_store::files::{FileStore, Files, FilesError, Local};

use super::{in_pieces, keys, noise};

async fn open(folder: &Path) -> (Files, Arc<Local>) {
    let store = Arc::new(Local::open(folder).await.unwrap());
    (Files::over(Arc::clone(&store) as Arc<dyn FileStore>), store)
}

#[tokio::test]
async fn links_are_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let (folder, outside) = (home.path().join("files"), home.path().join("outside"));
    let (files, _) = open(&folder).await;
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, folder.join("folder")).unwrap();
    symlink(outside.join("secret"), folder.join("file")).unwrap();
    symlink("nowhere", folder.join("dangling")).unwrap();
    for key in ["folder/secret", "file", "dangling"] {
        assert_eq!(files.get(key).await.unwrap_err().status(), 404, "{key}");
    }
    assert_eq!(files.put("folder/new", "x").await.unwrap_err().status(), 409);
    files.delete("folder/secret").await.unwrap();
    assert_eq!(keys(files.list("")).await, Vec::<String>::new());
    assert_eq!(keys(files.list("folder")).await, Vec::<String>::new());
    // In the place of a link, a file is kept; what it led to is as it was.
    files.put("file", "mine").await.unwrap();
    assert_eq!(files.get("file").await.unwrap().text().await.unwrap(), "mine");
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn a_folder_that_is_reached_by_a_link_is_a_folder() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("disk")).unwrap();
    symlink(home.path().join("disk"), home.path().join("files")).unwrap();
    let (files, _) = open(&home.path().join("files")).await;
    files.put("a/b", "x").await.unwrap();
    assert_eq!(fs::read_to_string(home.path().join("disk/a/b")).unwrap(), "x");
}

#[tokio::test]
async fn a_file_and_a_folder_of_one_name_are_in_each_others_way() {
    let home = tempfile::tempdir().unwrap();
    let (files, _) = open(home.path()).await;
    files.put("a", "x").await.unwrap();
    files.put("b/c", "x").await.unwrap();
    for key in ["a/b", "a/b/c", "b"] {
        assert_eq!(files.put(key, "y").await.unwrap_err().status(), 409, "{key}");
    }
    assert_eq!(keys(files.list("")).await, ["a", "b/c"]);
}

#[tokio::test]
async fn files_are_for_whoever_runs_the_application() {
    let home = tempfile::tempdir().unwrap();
    let (files, _) = open(home.path()).await;
    files.put("a", "x").await.unwrap();
    assert_eq!(fs::metadata(home.path().join("a")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_somebody_else_has_put_there_is_passed_over() {
    let home = tempfile::tempdir().unwrap();
    let (files, _) = open(home.path()).await;
    fs::write(home.path().join(".hidden"), "x").unwrap();
    fs::write(home.path().join("odd:name"), "x").unwrap();
    fs::write(home.path().join("plain.txt"), "x").unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(home.path().join("pipe")).status().unwrap();
    assert!(fifo.success());
    assert_eq!(keys(files.list("")).await, ["plain.txt"]);
    assert_eq!(files.get("pipe").await.unwrap_err().status(), 404);
}

#[tokio::test]
async fn what_a_killed_process_has_left_is_cleared_away_after_a_day() {
    let home = tempfile::tempdir().unwrap();
    let (files, store) = open(home.path()).await;
    let (old, young) = (home.path().join(".incoming/old"), home.path().join(".incoming/young"));
    fs::write(&young, "x").unwrap();
    fs::write(&old, "x").unwrap();
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    fs::File::options().write(true).open(&old).unwrap().set_modified(yesterday).unwrap();
    store.sweep().await.unwrap();
    assert!(!old.exists() && young.exists());
    // Somebody who tidies up takes nothing that is needed.
    fs::remove_dir_all(home.path().join(".incoming")).unwrap();
    files.put("a", "x").await.unwrap();
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let (files, _) = open(home.path()).await;
    files.put("a", super::cut_off(noise(1 << 20))).await.unwrap_err();
    assert_eq!(fs::read_dir(home.path().join(".incoming")).unwrap().count(), 0);
}

/// A file system of one megabyte, for as long as this lives. Root alone may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        servers::say_not_run("a full disk: this user may not mount one");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ended = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_half() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (files, _) = open(&disk.0.path().join("files")).await;
    files.put("small", noise(200_000)).await.unwrap();
    let error = files.put("large", in_pieces(noise(3 << 20))).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.machine_code()), (507, "storage_full"));
    assert!(matches!(error.source_as(), Some(FilesError::Full(_))));
    assert_eq!(keys(files.list("")).await, ["small"]);
    // What had come of it is gone, so that there is room again.
    files.put("other", noise(500_000)).await.unwrap();
}
