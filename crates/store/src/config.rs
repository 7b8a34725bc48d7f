//! The section `store`.

use mainstay_core::config::{Problems, Section, bytes};
use serde::{Deserialize, Serialize, Serializer};

/// `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreConfig {
    /// Where things are kept: `memory:`, in this process.
    #[serde(serialize_with = "scheme_only")]
    pub url: String,
    /// How many counts there is room for in memory. One takes about 200 bytes.
    pub capacity: usize,
    /// How much memory values may take, with their keys and tags.
    #[serde(with = "bytes")]
    pub max_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: MEMORY.to_owned(), capacity: 100_000, max_bytes: 64 << 20 }
    }
}

const MEMORY: &str = "memory:";

impl Section for StoreConfig {
    const NAME: &'static str = "store";
    const ALIASES: &'static [(&'static str, &'static str)] = &[("STORE_URL", "url")];

    fn validate(&self, problems: &mut Problems) {
        if self.url != MEMORY {
            let fix = "write `memory:`, the store in the memory of this process";
            problems.add("url", "names no store that there is", Some(fix));
        }
        if self.capacity == 0 {
            problems.add(
                "capacity",
                "must be at least 1: nothing could be kept",
                Some("leave it out: 100000"),
            );
        }
        if self.max_bytes == 0 {
            problems.add(
                "max_bytes",
                "must be at least 1: nothing could be kept",
                Some("leave it out: 64MiB"),
            );
        }
    }
}

/// What follows the scheme may be a password.
fn shown(url: &str) -> String {
    match url.split_once(':') {
        Some((scheme, "")) => format!("{scheme}:"),
        Some((scheme, _)) => format!("{scheme}:…"),
        None => "…".to_owned(),
    }
}

fn scheme_only<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(url))
}
