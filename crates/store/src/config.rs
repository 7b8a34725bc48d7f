//! The section `store`.

use mainstay_core::config::{Problems, Section};
use serde::{Deserialize, Serialize, Serializer};

/// `[store]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreConfig {
    /// Where things are kept: `memory:`, in this process.
    #[serde(serialize_with = "scheme_only")]
    pub url: String,
    /// How many keys there is room for in memory. A key takes about 200 bytes.
    pub capacity: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { url: MEMORY.to_owned(), capacity: 100_000 }
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
