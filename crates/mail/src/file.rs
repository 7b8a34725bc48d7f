//! Mails in a folder: `file:var/mails`, from the home folder on. For development.
//!
//! Of each there are two files: `<id>.eml`, which mail programs open, and `<id>.json`, the [`Message`] itself, with all that the first does
//! not show. Each is there as a whole or not at all. Nothing is ever deleted.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::config::Config;
use mainstay_core::whole_file::{self, Readers};
use mainstay_core::{Error, Resolver};
use tokio::task::spawn_blocking;

use crate::error::MailError;
use crate::message::Message;
use crate::transport::{KEPT, MailDriver, Transport};

pub(crate) const SCHEME: &str = "file";

/// The driver `file`.
pub(crate) fn driver() -> MailDriver {
    MailDriver::new(SCHEME, async |url: String, resolver: Resolver| {
        let path = url.strip_prefix("file:").unwrap_or_default();
        if path.is_empty() {
            return Err(Error::internal("`mail.url` names no folder: write `file:var/mails`"));
        }
        let config = resolver.get::<Config>().await?;
        let transport: Arc<dyn Transport> = Arc::new(InFolder(config.home().join(path)));
        Ok(transport)
    })
}

struct InFolder(PathBuf);

impl Transport for InFolder {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>> {
        async {
            let (folder, id) = (self.0.clone(), message.id.clone());
            let (eml, json) =
                (message.to_eml()?, serde_json::to_vec_pretty(message).map_err(io::Error::from)?);
            aside(move || {
                // Mails have links that let people in: nobody else reads them.
                let write =
                    |name: String, bytes| whole_file::write(&folder.join(name), bytes, Readers::Owner);
                write(format!("{id}.eml"), eml)?;
                write(format!("{id}.json"), json)
            })
            .await
        }
        .boxed()
    }

    fn kept(&self) -> BoxFuture<'_, Result<Option<Vec<Message>>, MailError>> {
        let folder = self.0.clone();
        async { aside(move || read(&folder)).await.map(Some) }.boxed()
    }
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, MailError> {
    Ok(spawn_blocking(work).await.map_err(io::Error::other)??)
}

/// The last ones: their names begin with the time. What somebody else has put there, or cut short, is passed over.
fn read(folder: &Path) -> io::Result<Vec<Message>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths.filter(|path| path.extension() == Some(OsStr::new("json"))).collect();
    paths.sort_unstable_by(|one, other| other.cmp(one));
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
    Ok(paths.iter().filter_map(read).take(KEPT).collect())
}
