//! URLs that hold for a while.
//!
//! A store that is reached by itself (a bucket) signs its own. Of the others the application serves the files, at [`Files::PATH`]: the path has
//! what is granted, signed by the application's keys.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use mainstay_core::keys::{KeyError, Keys};
use mainstay_core::media_type::{Disposition, disposition, is_harmless, media_type};
use mainstay_core::{Error, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::error::Border;
use super::handle::Files;
use super::key::FileKey;
use super::url::{Grant, Signed};

/// The longest time that S3 and Google sign for: a week.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A URL that is about to be signed: [`Files::url`].
///
/// Whoever has it reads the file until it expires, with nobody asking who that is: make it for those who may, when they ask.
///
/// Where the application serves it, it is one URL for a while, and holds up to a quarter longer: browsers keep what they have fetched.
///
/// A browser shows pictures, sounds, films, PDF and plain text. Everything else it saves, so that nothing that a stranger has sent runs
/// as a page of the application.
#[must_use = "nothing is signed before `.sign()`"]
pub struct FileUrl<'f> {
    files: &'f Files,
    key: String,
    lifetime: Duration,
    media_type: Option<String>,
    kind: Option<Disposition>,
    name: Option<String>,
    trusted: bool,
}

impl<'f> FileUrl<'f> {
    pub(super) fn new(files: &'f Files, key: String, lifetime: Duration) -> Self {
        Self { files, key, lifetime, media_type: None, kind: None, name: None, trusted: false }
    }

    /// It holds so long: up to a week.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Browsers save the file, under this name.
    pub fn attachment(self, name: impl Into<String>) -> Self {
        Self { kind: Some(Disposition::Attachment), name: Some(name.into()), ..self }
    }

    /// What the file is called where it is saved, by a browser that shows it first if it may.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// What the file is, where the ending of its key does not say it.
    pub fn media_type(self, media_type: impl Into<String>) -> Self {
        Self { media_type: Some(media_type.into()), ..self }
    }

    /// Browsers show it whatever it is, also where scripts run in it. For what the application has made itself, and never for what
    /// somebody has sent.
    pub fn trusted(self) -> Self {
        Self { trusted: true, ..self }
    }

    /// Signs it. Of a bucket it is a URL of the store, where somebody is known there who signs; else a path of the application, such as `/_files/…/invoice.pdf`.
    ///
    /// # Errors
    ///
    /// When the key is none, the time is longer than a week, or nothing serves the files: the application has a store that is reached by
    /// it alone, and no `.files()`.
    pub async fn sign(self) -> Result<String> {
        let Self { files, key, lifetime, media_type: given, kind, name, trusted } = self;
        let key = FileKey::parse(key).at_border()?;
        let known = given.as_deref().or_else(|| media_type(key.name()));
        let shown = trusted || known.is_some_and(is_harmless);
        let kind = kind.unwrap_or(if shown { Disposition::Inline } else { Disposition::Attachment });
        let name = name.as_deref().unwrap_or(key.name());
        let disposition = disposition(kind, name).to_str().map(str::to_owned).ok();
        let grant = Grant::Read { media_type: known.map(str::to_owned), disposition, key: key.clone() };
        Ok(files.sign(&grant, lifetime, Some(name)).await?.url)
    }
}

impl std::fmt::Debug for FileUrl<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileUrl")
            .field("key", &self.key)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// What is signed where the application serves the files.
#[derive(Serialize, Deserialize)]
struct Token<'t> {
    #[serde(rename = "k")]
    key: Cow<'t, str>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    media_type: Option<Cow<'t, str>>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    disposition: Option<Cow<'t, str>>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

const READ: &str = "read a file";
const WRITE: &str = "keep a file";

impl Files {
    /// Lets whoever has what this returns do with the store what is granted, for so long: up to a week.
    ///
    /// # Errors
    ///
    /// As [`FileUrl::sign`].
    pub async fn grant(&self, grant: &Grant, lifetime: Duration) -> Result<Signed> {
        self.sign(grant, lifetime, None).await
    }

    /// Signs what is granted, for so long; a path of the application ends with `name`.
    async fn sign(&self, grant: &Grant, lifetime: Duration, name: Option<&str>) -> Result<Signed> {
        if lifetime.is_zero() || lifetime > LONGEST {
            return Err(Error::internal("a URL of a file holds for up to a week"));
        }
        if let Some(signed) = self.store().sign(grant, lifetime).await.at_border()? {
            return Ok(signed);
        }
        let (keys, clock) = self.served().ok_or_else(|| {
            Error::internal("nothing serves the files of `files.url`: add `.files()` to the application")
        })?;
        Ok(sign(keys, grant, rounded(lifetime, clock.now()), name))
    }

    /// What a path of the application grants that was signed for reading.
    ///
    /// # Errors
    ///
    /// When it was not, or has expired.
    pub fn granted_to_read(&self, token: &str) -> Result<Grant, KeyError> {
        self.granted(READ, token)
    }

    /// What a path of the application grants that was signed for writing.
    ///
    /// # Errors
    ///
    /// When it was not, or has expired.
    pub fn granted_to_write(&self, token: &str) -> Result<Grant, KeyError> {
        self.granted(WRITE, token)
    }

    fn granted(&self, purpose: &str, token: &str) -> Result<Grant, KeyError> {
        let (keys, _) = self.served().ok_or(KeyError::UnknownKey)?;
        let data = keys.verify(purpose, token)?;
        let token: Token<'_> = serde_json::from_slice(&data).map_err(|_| KeyError::Malformed)?;
        let key = FileKey::parse(token.key).map_err(|_| KeyError::Malformed)?;
        let (media_type, disposition) =
            (token.media_type.map(Cow::into_owned), token.disposition.map(Cow::into_owned));
        match (purpose, token.size, media_type) {
            (WRITE, Some(size), Some(media_type)) => Ok(Grant::Write { key, media_type, size }),
            (READ, None, media_type) => Ok(Grant::Read { key, media_type, disposition }),
            _ => Err(KeyError::Malformed),
        }
    }
}

/// Somewhat longer, so that for a while all URLs of a file expire at one time, and are the same: browsers have what they have fetched.
fn rounded(lifetime: Duration, now: SystemTime) -> Duration {
    let step = (lifetime.as_secs() / 4).max(1);
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let end = (since + lifetime).as_secs().div_ceil(step) * step;
    Duration::from_secs(end).saturating_sub(since).max(lifetime)
}

fn sign(keys: &Keys, grant: &Grant, lifetime: Duration, name: Option<&str>) -> Signed {
    let token = |token: Token<'_>, purpose: &str| {
        let data = serde_json::to_vec(&token).unwrap_or_default();
        format!("{}/{}", Files::PATH, keys.sign(purpose, &data, Some(lifetime)))
    };
    match grant {
        Grant::Read { key, media_type, disposition } => {
            let of = Token {
                key: key.as_str().into(),
                media_type: media_type.as_deref().map(Cow::Borrowed),
                disposition: disposition.as_deref().map(Cow::Borrowed),
                size: None,
            };
            // The last of a path is what programs call a file that they save.
            let name = name.unwrap_or(key.name()).replace(['/', '\\'], "_");
            let name = name.trim_matches('.');
            let name = if name.is_empty() { "file" } else { name };
            let url = format!("{}/{}", token(of, READ), utf8_percent_encode(name, UNRESERVED));
            Signed { method: "GET".into(), url, headers: BTreeMap::new() }
        }
        Grant::Write { key, media_type, size } => {
            let of = Token {
                key: key.as_str().into(),
                media_type: Some(media_type.into()),
                disposition: None,
                size: Some(*size),
            };
            let headers = BTreeMap::from([("content-type".to_owned(), media_type.clone())]);
            Signed { method: "PUT".into(), url: token(of, WRITE), headers }
        }
    }
}

/// What need not be encoded in a path (RFC 3986, 2.3).
pub(super) const UNRESERVED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
