//! The section `resumable_uploads`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mainstay_core::config::{Problems, Section};
use serde::{Deserialize, Serialize};

/// More than this is no time that anybody waits.
const LONGEST: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

/// `[resumable_uploads]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ResumableUploadsConfig {
    /// Where files are until they are complete; made at start. A relative path starts from the application's home. By default
    /// `uploads`, and in tests a folder that goes with the application. Choose the disk on which files are kept afterwards: then
    /// [`Finished::save`](super::Finished::save) copies nothing.
    pub folder: Option<PathBuf>,
    /// How large a file may be, where its route sets no `body_limit` and its rules set no `MOST_BYTES`.
    #[serde(with = "mainstay_core::config::bytes")]
    pub most_bytes: u64,
    /// How many files may be incomplete at the same time.
    pub most_unfinished: usize,
    /// How many of them may be of one principal; those of nobody known are counted by the address of the client.
    pub most_unfinished_each: usize,
    /// How large all of them may be together, by the lengths that they have announced.
    #[serde(with = "mainstay_core::config::bytes")]
    pub most_unfinished_bytes: u64,
    /// How large those of one principal, or of one address, may be together.
    #[serde(with = "mainstay_core::config::bytes")]
    pub most_unfinished_bytes_each: u64,
    /// How long a file waits for its first byte.
    #[serde(with = "mainstay_core::config::duration")]
    pub begin_within: Duration,
    /// How long after its last piece an incomplete file is deleted.
    #[serde(with = "mainstay_core::config::duration")]
    pub expire_after: Duration,
    /// How long a client that has not heard that its file is complete can still ask.
    #[serde(with = "mainstay_core::config::duration")]
    pub remember: Duration,
    /// How long nothing may come of a piece that has begun.
    #[serde(with = "mainstay_core::config::duration")]
    pub idle_timeout: Duration,
    /// How long all of a piece may take. A client whose piece is longer on its way goes on with another.
    #[serde(with = "mainstay_core::config::duration")]
    pub piece_timeout: Duration,
    /// How long a request waits for the one before it to let the file go.
    #[serde(with = "mainstay_core::config::duration")]
    pub lock_timeout: Duration,
}

impl Default for ResumableUploadsConfig {
    fn default() -> Self {
        Self {
            folder: None,
            most_bytes: 1 << 30,
            most_unfinished: 1_000,
            most_unfinished_each: 100,
            most_unfinished_bytes: 100 << 30,
            most_unfinished_bytes_each: 10 << 30,
            begin_within: Duration::from_secs(10 * 60),
            expire_after: Duration::from_secs(24 * 60 * 60),
            remember: Duration::from_secs(60 * 60),
            idle_timeout: Duration::from_secs(30),
            piece_timeout: Duration::from_secs(24 * 60 * 60),
            lock_timeout: Duration::from_secs(10),
        }
    }
}

impl ResumableUploadsConfig {
    /// How long a file of which so much has come waits for more.
    pub(super) fn expires_in(&self, offset: u64) -> Duration {
        if offset == 0 { self.begin_within.min(self.expire_after) } else { self.expire_after }
    }

    /// How large the largest file may be that there is room for.
    pub(super) fn most_of_one(&self) -> u64 {
        self.most_unfinished_bytes.min(self.most_unfinished_bytes_each)
    }

    /// The folder, where `home` is that of the application.
    pub(super) fn folder_in(&self, home: &Path) -> PathBuf {
        home.join(self.folder.as_deref().unwrap_or(Path::new("uploads")))
    }
}

impl Section for ResumableUploadsConfig {
    const NAME: &'static str = "resumable_uploads";

    fn validate(&self, problems: &mut Problems) {
        if self.folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
            problems.add("folder", "is empty", Some("uploads"));
        }
        for (key, most) in
            [("most_unfinished", self.most_unfinished), ("most_unfinished_each", self.most_unfinished_each)]
        {
            if most == 0 {
                problems.add(key, "must not be 0: nothing could be uploaded", Some("100"));
            }
        }
        let bytes = [
            ("most_unfinished_bytes", self.most_unfinished_bytes),
            ("most_unfinished_bytes_each", self.most_unfinished_bytes_each),
        ];
        for (key, most) in bytes {
            if most < self.most_bytes {
                let fix = "set it to what the disk has room for, and `most_bytes` to less than that";
                problems.add(key, "must not be less than `most_bytes`", Some(fix));
            }
        }
        let times = [
            ("begin_within", self.begin_within),
            ("expire_after", self.expire_after),
            ("idle_timeout", self.idle_timeout),
            ("piece_timeout", self.piece_timeout),
            ("lock_timeout", self.lock_timeout),
        ];
        for (key, time) in times {
            if time.is_zero() {
                problems.add(key, "must not be 0", Some("10s"));
            }
        }
        for (key, time) in [times[0], times[1], ("remember", self.remember)] {
            // Dates are made from these.
            if time > LONGEST {
                problems.add(key, "must not be more than 36500 days", Some("1d"));
            }
        }
    }
}
