//! Where lines come from.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use mainstay_core::{Error, Result, StatusCode};
use tokio::sync::mpsc;

/// The folder of an application's fixtures.
pub const FOLDER: &str = "fixtures";
/// How the name of a file ends.
const ENDING: &str = "jsonl";
/// How many lines wait for the database.
const AHEAD: usize = 512;

/// Lines, and what they are called in an error.
#[must_use = "nothing is read before it is loaded"]
pub struct Source {
    pub(super) name: String,
    pub(super) lines: BoxStream<'static, io::Result<String>>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Source {
    /// The lines of a text.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (text, mut begin): (String, _) = (text.into(), 0);
        let line = move || {
            let rest = text.get(begin..).filter(|rest| !rest.is_empty())?;
            let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
            begin += end;
            Some(Ok(rest[..end].to_owned()))
        };
        Self { name: name.into(), lines: stream::iter(std::iter::from_fn(line)).boxed() }
    }

    /// The lines of a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn file(path: &Path) -> Result<Self> {
        let place = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || File::open(place)).await.map_err(Error::from)?;
        let file =
            opened.map_err(|fault| refused(format!("`{}` cannot be read: {fault}", path.display())))?;
        Ok(Self::reader(path.display().to_string(), file))
    }

    /// The lines of whatever can be read, one after the other, in a thread of its own.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel(AHEAD);
        let failed = sender.clone();
        let read = move || {
            for line in BufReader::new(reader).lines() {
                // Whoever takes them has failed, and says why itself.
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        };
        // No thread of the runtime, which would wait at its end for a terminal that nobody types at.
        if let Err(fault) = std::thread::Builder::new().name("lines to load".into()).spawn(read) {
            // The channel is empty: there is a place for it.
            let _sent = failed.try_send(Err(fault));
        }
        let lines = stream::unfold(lines, |mut lines| async move { Some((lines.recv().await?, lines)) });
        Self { name: name.into(), lines: lines.boxed() }
    }

    /// The fixture of this name in the folder `fixtures` of `home`.
    ///
    /// # Errors
    /// 404, with the names that there are, when there is none.
    pub async fn fixture(home: &Path, name: &str) -> Result<Self> {
        let folder = home.join(FOLDER);
        let path = folder.join(format!("{name}.{ENDING}"));
        let (sought, names) = (path.clone(), folder.clone());
        let found = tokio::task::spawn_blocking(move || match sought.is_file() {
            true => Ok(()),
            false => Err(names_in(&names)),
        });
        match found.await.map_err(Error::from)? {
            Ok(()) => Self::file(&path).await,
            Err(names) => Err(Error::not_found(format!(
                "there is no fixture `{name}`: `{}` is not there; {}",
                path.display(),
                if names.is_empty() {
                    "there are none yet".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                }
            ))
            .code("unknown_fixture")),
        }
    }

    /// The next line, and what went wrong in reading it.
    pub(super) async fn next(&mut self) -> io::Result<Option<String>> {
        self.lines.try_next().await
    }
}

/// The fixtures of a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let fixtures = files.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
    let mut names: Vec<String> =
        fixtures.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

fn refused(message: String) -> Error {
    Error::new(StatusCode::UNPROCESSABLE_ENTITY, message).code("not_readable")
}
