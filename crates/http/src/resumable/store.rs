//! Where files are until they are complete: a folder with two files for each, `<id>` with what has come, and `<id>.json` with
//! what is known of it.
//!
//! How much has come is the length of the first file, and nothing else, so that a process that is killed anywhere leaves
//! nothing that could contradict it. Its time of change says when it expires. The order of everything else follows: the file
//! is made before its record, and the record is removed before the file; what is left between is an orphan, which the sweep
//! removes. A file that is being written to is locked (`flock`), so that a second process on the same folder keeps away.
//!
//! What has been acknowledged is on the disk, not only with the operating system: a piece is synchronised before the answer to
//! it, an interrupted one when it is asked for (`HEAD`), records and names when they are made.
//!
//! - `record`: what is known of a file; `opened`: a file that a request has; `room`: how much all of them may take;
//! - `sweep`: what has expired is removed.

mod opened;
mod record;
mod room;
mod sweep;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, header};
use mainstay_core::clock::Clock;
use mainstay_core::config::Config;
use mainstay_core::random::Random;
use mainstay_core::{Error, Inject, Profile, Result, StatusCode};
use tempfile::TempDir;

use self::opened::Grip;
pub(super) use self::opened::Opened;
pub(super) use self::record::Record;
use self::room::Room;
use super::config::ResumableUploadsConfig;
use super::lock::Locks;
use crate::config::HttpConfig;
use crate::extract::{blocking, sync_folder};

/// The name of an upload: 128 random bits in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(String);

impl Id {
    const DIGITS: usize = 32;

    fn new(random: &dyn Random) -> Self {
        Self(random.hex(Self::DIGITS / 2))
    }

    /// An id as it was given out; anything else is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits && text.len() == Self::DIGITS).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks for an upload, and at which address: both must be those of who began it.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// The path below which it is.
    pub(super) address: String,
    /// The principal's identity, if there is one.
    pub(super) identity: Option<String>,
    /// With whom its uploads are counted.
    pub(super) counted_as: String,
}

/// The folder, as all requests share it.
pub(super) struct Uploads {
    folder: PathBuf,
    /// Removes the folder of a test when it has ended.
    _temporary: Option<TempDir>,
    config: Inject<ResumableUploadsConfig>,
    /// How long handlers may take, unless their route says otherwise.
    pub(super) timeout: Duration,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    locks: Locks,
    room: Room,
}

impl Uploads {
    /// Makes the folder, and looks at what is there.
    pub(super) async fn start(
        config: Inject<ResumableUploadsConfig>,
        http: Inject<HttpConfig>,
        files: Inject<Config>,
        profile: Inject<Profile>,
        clock: Inject<dyn Clock>,
        random: Inject<dyn Random>,
    ) -> Result<Self> {
        let is_temporary = *profile == Profile::Test && config.folder.is_none();
        let temporary = is_temporary.then(tempfile::tempdir).transpose()?;
        let folder = match &temporary {
            Some(temporary) => temporary.path().to_owned(),
            None => config.folder_in(files.home()),
        };
        let made = folder.clone();
        blocking(move || make_folder(&made)).await.map_err(|error| {
            error.context(format!("the folder of resumable uploads: {}", folder.display()))
        })?;
        let (room, timeout) = (Room::new(&config), http.timeout);
        let uploads = Self {
            folder,
            _temporary: temporary,
            config,
            timeout,
            clock,
            random,
            locks: Locks::default(),
            room,
        };
        uploads.recount().await?;
        Ok(uploads)
    }

    pub(super) fn config(&self) -> &ResumableUploadsConfig {
        &self.config
    }

    /// Begins an upload, which is then had by the caller.
    pub(super) async fn create(self: Arc<Self>, record: Record) -> Result<Opened> {
        let id = Id::new(&*self.random);
        let Some(held) = self.locks.try_take(&id) else { return Err(locked()) };
        self.room.claim(&id, record.length.unwrap_or(0), &record.counted_as)?;
        let (uploads, made, now) = (Arc::clone(&self), record.clone(), self.clock.now());
        let name = id.clone();
        let file = blocking(move || {
            let begin = || {
                let file = new_file(&uploads.data(&name))?;
                lock(&file)?;
                file.set_modified(now)?;
                made.save(&uploads.folder, &name, now)?;
                sync_folder(&uploads.folder)?;
                Ok(file)
            };
            begin().inspect_err(|_| uploads.forget(&name))
        });
        let file = file.await?;
        Ok(Opened::new(self, id, record, Grip::new(Some(file), held)).at(0, now))
    }

    /// Takes an upload, from another request if need be.
    ///
    /// # Errors
    ///
    /// 404 if there is none for who asks, 410 if it has expired, 423 if another request does not let it go.
    pub(super) async fn open(self: Arc<Self>, id: &str, asker: &Asker) -> Result<Opened> {
        let Some(id) = Id::parse(id) else { return Err(missing()) };
        // Nobody else is disturbed by who may not have it.
        self.record(&id).await?.for_asker(asker)?;
        let Some(held) = self.locks.take(&id, self.config.lock_timeout).await else { return Err(locked()) };
        let (uploads, name) = (Arc::clone(&self), id.clone());
        // It is had until the disk has answered, also by a request that is gone by then.
        let opening = blocking(move || Ok((Access::to(&uploads.data(&name))?, held)));
        let (access, held) = opening.await?;
        let record = self.record(&id).await?.for_asker(asker)?;
        let (file, length, touched) = match access {
            Access::Busy => return Err(locked()),
            Access::Ours { .. } if record.finished => {
                // The process died before it was removed.
                let (uploads, name) = (Arc::clone(&self), id.clone());
                blocking(move || {
                    remove_file(&uploads.data(&name));
                    Ok(())
                })
                .await?;
                (None, record.length.unwrap_or(0), self.clock.now())
            }
            // It was handed over.
            Access::Missing if record.finished => (None, record.length.unwrap_or(0), self.clock.now()),
            Access::Missing => return Err(missing()),
            Access::Ours { file, length, touched } => (Some(file), length, touched),
        };
        let grip = Grip::new(file, held);
        let mut opened = Opened::new(Arc::clone(&self), id, record, grip).at(length, touched);
        if opened.record.finished {
            return Ok(opened);
        }
        if opened.expires() <= self.clock.now() {
            opened.remove().await?;
            let message = "This upload was not continued for too long, and is gone: begin a new one.";
            return Err(Error::new(StatusCode::GONE, message).code("upload_expired"));
        }
        opened.forget_doubtful().await?;
        Ok(opened)
    }

    async fn record(self: &Arc<Self>, id: &Id) -> Result<Record> {
        let (uploads, id) = (Arc::clone(self), id.clone());
        blocking(move || Record::load(&uploads.folder, &id)).await?.ok_or_else(missing)
    }

    fn data(&self, id: &Id) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// Removes all that there is of an upload. Blocks.
    fn forget(&self, id: &Id) {
        for path in [Record::path(&self.folder, id), self.data(id)] {
            remove_file(&path);
        }
        self.room.give_back(id);
    }
}

/// What opening a file comes to.
enum Access {
    Missing,
    /// Another process has it.
    Busy,
    Ours {
        file: File,
        length: u64,
        touched: SystemTime,
    },
}

impl Access {
    /// Opens a file to write at its end. Blocks.
    fn to(path: &Path) -> io::Result<Self> {
        let file = match File::options().read(true).append(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Missing),
            file => file?,
        };
        if !lock(&file)? {
            return Ok(Self::Busy);
        }
        let about = file.metadata()?;
        Ok(Self::Ours { length: about.len(), touched: about.modified()?, file })
    }
}

/// Keeps other processes away, unless one has it. Blocks for no longer than a system call does.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a file, if it is there. One that cannot be removed is told, and harms nobody else. Blocks.
fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(target: "mainstay::http", %error, path = %path.display(), "what is left of an upload cannot be removed");
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// 404 for whoever may not know whether it is there.
#[track_caller]
pub(super) fn missing() -> Error {
    Error::not_found("There is no such upload: it was cancelled, has expired, or was never begun.")
}

/// 423 for who loses an upload to another request, or does not get it.
#[track_caller]
pub(super) fn locked() -> Error {
    Error::new(
        StatusCode::LOCKED,
        "Another request has this upload: ask for its offset, and go on from there.",
    )
    .code("upload_locked")
    .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}
