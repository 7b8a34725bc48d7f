//! What somebody may do with a file for a while, without being let in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key::FileKey;

/// What is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// To read a file.
    Read {
        /// Which.
        key: FileKey,
        /// What the answer says that it is.
        media_type: Option<String>,
        /// What browsers do with it, as `Content-Disposition` says it.
        disposition: Option<String>,
    },
    /// To keep a file.
    Write {
        /// Where.
        key: FileKey,
        /// What the request says that it is.
        media_type: String,
        /// How large it is, in bytes: neither more nor less.
        size: u64,
    },
}

/// A request that somebody may make.
///
/// As JSON it is what `fetch` takes: `fetch(signed.url, { ...signed, body: file })`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Signed {
    /// Its method.
    pub method: Cow<'static, str>,
    /// Where it goes: a URL of the store, or a path of the application.
    pub url: String,
    /// The headers that it has to have, besides `Content-Length` and `Host`, which clients set by themselves.
    pub headers: BTreeMap<String, String>,
}
