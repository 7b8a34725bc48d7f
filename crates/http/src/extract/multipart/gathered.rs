//! What has come of a form: texts, files, and what is wrong with them.

use std::collections::BTreeMap;

use mainstay_core::{Error, Fault, Result, StatusCode};
use serde::de::DeserializeOwned;

use super::field::{Field, too_large};
use super::outline::{Desk, Wanted};
use super::rules::Rules;
use super::spool::{Kept, Spool, UploadFolder};
use super::upload::Arrived;
use super::{AnyFile, Multipart};
use crate::extract::fields::{self, Origin, Pair};
use crate::stack::csrf;

/// How much of all the files of a form is kept in memory.
const ROOM: usize = 256 * 1024;

/// How much the texts of a form have together.
const MOST_TEXT: u64 = 2 * 1024 * 1024;

/// How much is read after a fault, in the hope of finding all that is wrong.
pub(super) const PATIENCE: u64 = 2 * 1024 * 1024;

/// More files than this are refused: each may be an open file of the system.
const MOST_FILES: usize = 100;

/// What has come of a form.
#[derive(Default)]
pub(super) struct Gathered {
    folder: Option<UploadFolder>,
    room: usize,
    texts: Vec<(String, String)>,
    text_length: u64,
    files: Vec<(String, Arrived)>,
    /// How many files of each name have come.
    counts: BTreeMap<String, usize>,
    faults: Vec<Fault>,
    /// How much had been read when the first fault was found.
    fault_at: Option<u64>,
}

/// What has become of a file.
enum Outcome {
    Kept(Kept),
    Refused(Fault),
    /// No field takes it, or its fault is known.
    Passed,
}

impl Gathered {
    pub(super) fn new(folder: Option<UploadFolder>) -> Self {
        Self { folder, room: ROOM, ..Self::default() }
    }

    pub(super) async fn text(&mut self, mut field: Field<'_>) -> Result<()> {
        let name = field.name().to_owned();
        let most = Multipart::FIELD_LIMIT.min(MOST_TEXT.saturating_sub(self.text_length));
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > most {
                bytes.clear();
                self.fault(too_large(Origin::Form.pointer(&name), most), &field);
                self.skip(&mut field).await?;
                break;
            }
        }
        self.text_length += (bytes.len() + name.len()) as u64;
        let text = String::from_utf8(bytes).unwrap_or_else(|_| {
            let pointer = Origin::Form.pointer(&name);
            self.fault(Fault::new(pointer, "encoding", "it is not valid UTF-8"), &field);
            String::new()
        });
        if name == csrf::FIELD {
            // Looked at before, and nothing that the form asks for.
            return Ok(());
        }
        self.texts.push((name, text));
        Ok(())
    }

    pub(super) async fn file(&mut self, mut field: Field<'_>, wanted: fn(&str) -> Wanted) -> Result<()> {
        let sniffed = field.sniff().await?;
        // An empty file without a name is what a browser sends when nothing was chosen.
        if field.raw_file_name().is_none_or(str::is_empty) && field.is_over().await? {
            return Ok(());
        }
        if self.files.len() == MOST_FILES {
            let message = format!("The form has more than {MOST_FILES} files.");
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        let name = field.name().to_owned();
        let mut arrived = Arrived {
            file: Kept::default(),
            file_name: field.file_name(),
            claimed_type: field.content_type().map(str::to_owned),
            sniffed,
            refused: true,
        };
        match self.look_at(&mut field, &arrived, wanted(&name)).await? {
            Outcome::Kept(file) => (arrived.file, arrived.refused) = (file, false),
            Outcome::Refused(fault) => {
                self.fault(fault, &field);
                self.skip(&mut field).await?;
            }
            Outcome::Passed => {}
        }
        self.files.push((name, arrived));
        Ok(())
    }

    async fn look_at(&mut self, field: &mut Field<'_>, arrived: &Arrived, wanted: Wanted) -> Result<Outcome> {
        let before = self.counts.entry(field.name().to_owned()).or_default();
        let earlier = *before;
        *before += 1;
        let pointer = Origin::Form.pointer(field.name());
        let (rules, pointer) = match wanted {
            Wanted::Files(rules) if earlier < rules.most_files => (rules, format!("{pointer}/{earlier}")),
            Wanted::Files(rules) if earlier == rules.most_files => {
                let message =
                    format!("there are more than {earlier} files, which is the most that is accepted");
                return Ok(Outcome::Refused(Fault::new(pointer, "number", message)));
            }
            Wanted::File(rules) if earlier == 0 => (rules, pointer),
            Wanted::Unclear => (Rules::of::<AnyFile>(), pointer),
            // What else is wrong with it, its field says.
            _ => return Ok(Outcome::Passed),
        };
        if rules.accept(arrived.sniffed, arrived.file_name.as_deref()).is_none() {
            let message = format!("expected {}, found `{}`", rules.wanted(), arrived.sniffed);
            return Ok(Outcome::Refused(Fault::new(pointer, "media_type", message)));
        }
        let mut spool = Spool::new(&mut self.room, self.folder.clone());
        while let Some(chunk) = field.chunk().await? {
            spool.write(&chunk).await?;
            if spool.length() > rules.most_bytes {
                return Ok(Outcome::Refused(too_large(pointer, rules.most_bytes)));
            }
        }
        spool.finish().await.map(Outcome::Kept)
    }

    fn fault(&mut self, fault: Fault, field: &Field<'_>) {
        self.faults.push(fault);
        self.fault_at.get_or_insert(field.taken());
    }

    /// Reads past the rest of a field that is refused, as long as it is worth it.
    async fn skip(&mut self, field: &mut Field<'_>) -> Result<()> {
        while !self.has_enough(field.taken()) && field.chunk().await?.is_some() {}
        Ok(())
    }

    /// Whether so much has been read since the first fault that it is time to tell.
    pub(super) fn has_enough(&self, taken: u64) -> bool {
        self.fault_at.is_some_and(|at| taken > at.saturating_add(PATIENCE))
    }

    /// What is wrong, as far as it is known.
    #[track_caller]
    pub(super) fn refused(self) -> Error {
        refuse(self.faults)
    }

    pub(super) fn read<T: DeserializeOwned>(mut self) -> Result<T> {
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        for (name, text) in self.texts {
            if self.counts.contains_key(&name) {
                let message = "it is given as a file and as a text";
                self.faults.push(Fault::new(Origin::Form.pointer(&name), "repeated", message));
            } else {
                pairs.push((name.into(), text.into()));
            }
        }
        let mut files = Vec::new();
        for (number, (name, arrived)) in self.files.into_iter().enumerate() {
            pairs.push((name.into(), number.to_string().into()));
            files.push(arrived);
        }
        let names = self.counts.into_keys().collect();
        match Desk::Open(files).during(|| fields::read_with_files(pairs, names)) {
            Ok(value) if self.faults.is_empty() => Ok(value),
            Ok(_) => Err(refuse(self.faults)),
            Err(error) if self.faults.is_empty() => Err(error),
            Err(error) => {
                self.faults.extend_from_slice(error.faults());
                Err(refuse(self.faults))
            }
        }
    }
}

/// The error that these faults make, with the status that fits all of them.
#[track_caller]
fn refuse(faults: Vec<Fault>) -> Error {
    let all = |codes: &[&str]| faults.iter().all(|fault| codes.contains(&&*fault.code));
    let status = if all(&["size"]) {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if all(&["media_type"]) {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Origin::Form.refuse(faults).with_status(status)
}
