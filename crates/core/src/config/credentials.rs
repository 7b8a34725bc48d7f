//! Credentials: settings that may lie in the repository, because they are sealed.
//!
//! `config/credentials.production.sealed` for a profile, else `config/credentials.sealed`. It holds TOML as the other files do. The key
//! is in `MAINSTAY_CREDENTIALS_KEY` (the environment, or `.env`), else in the file of the same name that ends in `.key`, which does not
//! belong into the repository. Seals are those of [`keys`](crate::keys).
//!
//! `edit`: the command `credentials`.

pub(crate) mod edit;

use std::path::Path;
use std::sync::Arc;

use super::loader::unreadable;
use super::origin::Origin;
use super::tree::Table;
use super::{Sources, dotenv, file};
use crate::keys::{KeyError, seal};
use crate::random::Random;
use crate::{Finding, Result};

/// The variable with the key.
const VARIABLE: &str = "MAINSTAY_CREDENTIALS_KEY";
/// What the credentials are sealed for.
const PURPOSE: &str = "credentials";

/// The files of the credentials of a profile, or of all.
pub(super) struct Names {
    pub(super) sealed: String,
    pub(super) key: String,
}

impl Names {
    pub(super) fn of(profile: Option<&str>) -> Self {
        let stem = profile
            .map_or_else(|| "config/credentials".to_owned(), |name| format!("config/credentials.{name}"));
        Self { sealed: format!("{stem}.sealed"), key: format!("{stem}.key") }
    }
}

/// The settings that are sealed; none where there are no credentials.
pub(super) fn layer(sources: &Sources, profile: &str) -> Result<Table, Vec<Finding>> {
    for names in [Names::of(Some(profile)), Names::of(None)] {
        let path: Arc<Path> = sources.shown(&names.sealed).into();
        match sources.read(&names.sealed) {
            Ok(Some(sealed)) => {
                let text = open(sources, &names, sealed.trim()).map_err(|finding| vec![finding])?;
                return file::parse(&path, &text, |path, line| Origin::Credentials { path, line });
            }
            Ok(None) => {}
            Err(error) => return Err(vec![unreadable(&path, &error)]),
        }
    }
    Ok(Table::new())
}

/// What is sealed.
pub(super) fn open(sources: &Sources, names: &Names, sealed: &str) -> Result<String, Finding> {
    let place = sources.shown(&names.sealed).display().to_string();
    let Some(key) = key(sources, names)? else {
        let told = format!("`{place}` is there, and the key that opens it is not");
        let fix = format!("set {VARIABLE}, or put it into {}", sources.shown(&names.key).display());
        return Err(Finding::error("config.E011", told).at(place).fix(fix));
    };
    let cannot = |why: &str| {
        Finding::error("config.E012", format!("`{place}` cannot be opened: {why}"))
            .at(place.clone())
            .fix(format!("look whether {VARIABLE} or {} is the key that it was sealed with", names.key))
    };
    let opened = seal::open(key.as_bytes(), PURPOSE, sealed).map_err(|fault| {
        cannot(match fault {
            KeyError::UnknownKey => "it was sealed with another key",
            _ => "it has been changed by something else than `credentials edit`",
        })
    })?;
    String::from_utf8(opened).map_err(|_| cannot("it is no text"))
}

/// The text, sealed.
pub(super) fn seal(key: &str, text: &str, random: Arc<dyn Random>) -> String {
    seal::seal(key.as_bytes(), PURPOSE, text.as_bytes(), random)
}

/// The key: from the environment, `.env`, or its file.
pub(super) fn key(sources: &Sources, names: &Names) -> Result<Option<String>, Finding> {
    let from_environment = || sources.variables.get(VARIABLE)?.to_str().map(str::to_owned);
    let from_dotenv = || {
        let (entries, _) = dotenv::parse(Path::new(".env"), &sources.read(".env").ok()??);
        entries.into_iter().rev().find(|entry| entry.name == VARIABLE).map(|entry| entry.value)
    };
    if let Some(key) = from_environment().or_else(from_dotenv).filter(|key| !key.trim().is_empty()) {
        return Ok(Some(key.trim().to_owned()));
    }
    match sources.read(&names.key) {
        Ok(text) => Ok(text.map(|text| text.trim().to_owned()).filter(|key| !key.is_empty())),
        Err(error) => Err(unreadable(&sources.shown(&names.key), &error)),
    }
}
