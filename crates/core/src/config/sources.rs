//! Where the text of each layer comes from: the process, or a test's own values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::dotenv;
use crate::Profile;

/// Files, variables and arguments, before anything is read from them.
///
/// [`Sources::of_process`] is the real world. [`Sources::isolated`] is an empty one, for tests.
#[derive(Clone, Debug)]
pub struct Sources {
    home: PathBuf,
    files: Files,
    pub(super) variables: BTreeMap<String, OsString>,
    pub(super) arguments: Vec<(String, String)>,
    pub(super) overrides: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum Files {
    Disk,
    Memory(BTreeMap<PathBuf, String>),
}

impl Sources {
    /// This process's environment, and the files in the application's home folder: `MAINSTAY_HOME`, else
    /// `CARGO_MANIFEST_DIR`, else the current folder.
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, OsString> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        let mut sources = Self { variables, files: Files::Disk, ..Self::isolated() };
        sources.home =
            sources.folder("MAINSTAY_HOME").or(sources.folder("CARGO_MANIFEST_DIR")).unwrap_or_default();
        sources
    }

    /// Believes `CARGO_MANIFEST_DIR` only if cargo is running this very package. A program that is started by another
    /// one under cargo (a test, a benchmark, `cargo xtask`) inherits that one's folder, which is not its home.
    #[must_use]
    pub fn of_package(mut self, package: &str) -> Self {
        let foreign = self.variables.get("CARGO_PKG_NAME").is_some_and(|running| *running != *package);
        if foreign
            && self.folder("MAINSTAY_HOME").is_none()
            && self.folder("CARGO_MANIFEST_DIR") == Some(self.home.clone())
        {
            self.home = PathBuf::new();
        }
        self
    }

    fn folder(&self, variable: &str) -> Option<PathBuf> {
        self.variables.get(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// No variables and no files.
    pub fn isolated() -> Self {
        Self {
            home: PathBuf::new(),
            files: Files::Memory(BTreeMap::new()),
            variables: BTreeMap::new(),
            arguments: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// Reads files from this folder on disk.
    #[must_use]
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = folder.into();
        self.files = Files::Disk;
        self
    }

    /// Adds a file in memory, by its path in the home folder (`config/default.toml`, `.env`). From then on no file is
    /// read from the disk.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let mut files = match self.files {
            Files::Memory(files) => files,
            Files::Disk => BTreeMap::new(),
        };
        files.insert(path.into(), text.into());
        self.files = Files::Memory(files);
        self
    }

    /// Sets an environment variable, for this value only.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Adds what `--set key=value` said; the later wins.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = (String, String)>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// Sets `key` (`http.port`) above every other layer; the later wins.
    #[must_use]
    pub fn overriding(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.push((key.into(), value.into()));
        self
    }

    /// The folder that relative paths in the configuration start from.
    pub fn home_folder(&self) -> &Path {
        &self.home
    }

    /// The profile: the one asked for (`--profile`), else `MAINSTAY_PROFILE` from the environment or `.env`, else that of
    /// the build.
    pub fn profile(&self, asked: Option<&str>) -> Profile {
        const NAME: &str = "MAINSTAY_PROFILE";
        let from_environment = || self.variables.get(NAME)?.to_str().map(str::to_owned);
        let from_dotenv = || {
            let (entries, _) = dotenv::parse(Path::new(".env"), &self.read(".env").ok()??);
            entries.into_iter().rev().find(|entry| entry.name == NAME).map(|entry| entry.value)
        };
        match asked.map(str::to_owned).or_else(from_environment).or_else(from_dotenv) {
            Some(name) if !name.trim().is_empty() => Profile::named(name.trim()),
            _ => Profile::of_this_build(),
        }
    }

    /// The home folder, when it does not exist: then every file would silently be missing.
    pub(super) fn lost_home(&self) -> Option<&Path> {
        let on_disk = matches!(self.files, Files::Disk) && !self.home.as_os_str().is_empty();
        (on_disk && !self.home.is_dir()).then_some(&*self.home)
    }

    /// The text of a file in the home folder; none when there is no such file.
    pub(super) fn read(&self, path: &str) -> io::Result<Option<String>> {
        let read = match &self.files {
            Files::Memory(files) => return Ok(files.get(Path::new(path)).cloned()),
            Files::Disk => std::fs::read_to_string(self.home.join(path)),
        };
        match read {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file as messages name it: from the current folder where it lies within, so that a terminal can open it.
    pub(super) fn shown(&self, path: &str) -> PathBuf {
        let whole = match &self.files {
            Files::Memory(_) => return PathBuf::from(path),
            Files::Disk => self.home.join(path),
        };
        match std::env::current_dir() {
            Ok(current) => whole.strip_prefix(current).map(Path::to_path_buf).unwrap_or(whole),
            Err(_) => whole,
        }
    }
}
