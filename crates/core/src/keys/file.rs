//! A ring in a file: `file:keys/ring`, from the home folder on. For one machine, or a folder that several share.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::store::{KeyRingDriver, KeyRingStore};
use crate::config::Config;
use crate::container::Resolver;
use crate::error::Context;
use crate::whole_file::{self, Readers};
use crate::{Error, Result};

/// The driver `file`.
pub(crate) fn driver() -> KeyRingDriver {
    KeyRingDriver::new("file", async |url: String, resolver: Resolver| {
        let path = url.strip_prefix("file:").unwrap_or_default().to_owned();
        if path.is_empty() {
            return Err(Error::internal("`keys.ring` names no file: write `file:keys/ring`"));
        }
        let config = resolver.get::<Config>().await?;
        let store: Arc<dyn KeyRingStore> = Arc::new(InFile(config.home().join(path)));
        Ok(store)
    })
}

pub(super) struct InFile(pub(super) PathBuf);

impl KeyRingStore for InFile {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>> {
        let path = self.0.clone();
        aside(move || read(&path)).boxed()
    }

    fn save<'a>(&'a self, text: &'a str, before: Option<&'a str>) -> BoxFuture<'a, Result<bool>> {
        let (path, text, before) = (self.0.clone(), text.to_owned(), before.map(str::to_owned));
        aside(move || replace(&path, &text, before.as_deref())).boxed()
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("reading or writing the key ring")?
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault).context(format!("reading the key ring {}", path.display())),
    }
}

/// One process at a time looks and writes, and whoever reads finds the old or the new.
fn replace(path: &Path, text: &str, before: Option<&str>) -> Result<bool> {
    let what = || format!("writing the key ring {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context(what())?;
    }
    let lock =
        Readers::Owner.options().create(true).open(path.with_added_extension("lock")).context(what())?;
    lock.lock().context(what())?;
    if read(path)?.as_deref() != before {
        return Ok(false);
    }
    whole_file::write(path, text, Readers::Owner).context(what())?;
    Ok(true)
}
