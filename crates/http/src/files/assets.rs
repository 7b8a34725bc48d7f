//! Files compiled into the program.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::body::Content;
use super::file::Opened;
use super::place::Place;
use super::tag::Tag;
use crate::compression::Coding;

/// Files in memory, by path. Cheap to clone.
///
/// ```
/// use mainstay_http::files::{Assets, StaticFiles};
///
/// let assets = Assets::from_static(&[
///     ("index.html", b"<!doctype html>"),
///     ("app.js", b"start()"),
///     ("app.js.gz", b"\x1f\x8b..."),      // sent to who takes gzip
/// ]);
/// let files = StaticFiles::from(assets);
/// ```
#[derive(Clone)]
pub struct Assets(Arc<HashMap<&'static str, Asset>>);

struct Asset {
    bytes: &'static [u8],
    tag: OnceLock<Option<Tag>>,
}

impl fmt::Debug for Assets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Assets {
    /// From a list of paths and contents: `("css/app.css", include_bytes!("…"))`.
    pub fn from_static(files: &[(&'static str, &'static [u8])]) -> Self {
        let files = files
            .iter()
            .map(|(path, bytes)| (path.trim_start_matches('/'), Asset { bytes, tag: OnceLock::new() }));
        Self(Arc::new(files.collect()))
    }

    /// The content of a file.
    pub fn get(&self, path: &str) -> Option<&'static [u8]> {
        self.0.get(path).map(|asset| asset.bytes)
    }

    pub(super) fn find(&self, place: &Place, index: Option<&str>, codings: &[Coding]) -> Found {
        let path = place.joined();
        let within = |index: &str| if path.is_empty() { index.to_owned() } else { format!("{path}/{index}") };
        if place.is_folder {
            let Some(index) = index else { return Found::Nothing };
            return self.open(&within(index), codings);
        }
        match self.open(&path, codings) {
            Found::Nothing if index.is_some_and(|index| self.0.contains_key(within(index).as_str())) => {
                Found::Folder
            }
            found => found,
        }
    }

    fn open(&self, path: &str, codings: &[Coding]) -> Found {
        let Some(plain) = self.0.get(path) else { return Found::Nothing };
        for coding in codings {
            if let Some(variant) = self.0.get(format!("{path}.{}", coding.extension()).as_str()) {
                return Found::File { opened: variant.open(), name: path.to_owned(), coding: Some(*coding) };
            }
        }
        Found::File { opened: plain.open(), name: path.to_owned(), coding: None }
    }
}

impl Asset {
    fn open(&self) -> Opened {
        Opened {
            content: Content::Memory(Bytes::from_static(self.bytes)),
            // Hashed when it is first asked for: a start need not wait for that.
            tag: self.tag.get_or_init(|| Tag::of_bytes(self.bytes)).clone(),
            modified: None,
        }
    }
}

/// What is at a place.
#[derive(Debug)]
pub(super) enum Found {
    /// A file, and the coding in which it was found.
    File { opened: Opened, name: String, coding: Option<Coding> },
    /// A folder that has an index page, asked for without the slash at the end.
    Folder,
    /// Nothing that may be served.
    Nothing,
}
