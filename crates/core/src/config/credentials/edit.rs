//! `credentials edit` and `credentials show`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode};
use std::sync::Arc;

use clap::Arg;

use super::super::origin::Origin;
use super::{Names, VARIABLE, key, open, seal};
use crate::command::{Call, Command, Setup};
use crate::config::{Sources, file};
use crate::error::Context;
use crate::keys::weakness;
use crate::random::{Random, SecureRandom};
use crate::whole_file::{self, Readers};
use crate::{Error, Result};

/// What new credentials begin with.
const START: &str = "# Settings as in the other files of this folder; they are sealed when you leave the editor.\n\
                     # [keys]\n\
                     # secret = \"\"\n";

/// The command.
pub(crate) fn command() -> Command {
    let action = Arg::new("action").value_parser(["edit", "show"]).required(true).help("What to do");
    let of = Arg::new("of").help(
        "A profile that has credentials of its own, such as `production`; without it, those of all others",
    );
    Command::new("credentials", "Edits the settings that are sealed.", |call: Call| async move {
        let sources = call.resolver().get::<Sources>().await?;
        // What is edited must not stay behind: Ctrl-C is for the editor alone, as long as this is there.
        #[cfg(unix)]
        let _interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        tokio::task::spawn_blocking(move || run(&call, &sources)).await.context("editing the credentials")?
    })
    .argument(action)
    .argument(of)
    // Without its key the set-up is not sound; and it is this command that makes one.
    .setup(Setup::Any)
}

fn run(call: &Call, sources: &Sources) -> Result<ExitCode> {
    let names = Names::of(call.arguments.get_one::<String>("of").map(String::as_str));
    let sealed = sources.read(&names.sealed).context("reading the credentials")?;
    let opened = match &sealed {
        Some(sealed) => Some(open(sources, &names, sealed.trim()).map_err(refused)?),
        None => None,
    };
    if call.arguments.get_one::<String>("action").is_some_and(|action| action == "show") {
        let none = || Error::not_found(format!("There is no {}.", names.sealed));
        call.print(opened.ok_or_else(none)?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let random: Arc<dyn Random> = Arc::new(SecureRandom::new());
    let home = sources.home_folder();
    let key = match key(sources, &names).map_err(refused)? {
        Some(key) => key,
        None => make_key(call, home, &names, &*random)?,
    };
    if let Some(why) = weakness(&key) {
        return Err(Error::bad_request(format!(
            "The key of the credentials {why}: take one of 32 random characters or more."
        )));
    }
    let before = opened.unwrap_or_else(|| START.to_owned());
    let mut text = before.clone();
    let after = loop {
        text = edited(&text, &*random)?;
        let origin = |path, line| Origin::Credentials { path, line };
        match file::parse(&Path::new("credentials").into(), &text, origin) {
            Ok(_) => break text,
            Err(findings) => {
                let told = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                if !std::io::stdin().is_terminal() {
                    return Err(Error::bad_request(format!("Nothing was changed:\n{told}")));
                }
                call.print(format!(
                    "{told}\nPress Enter to mend it, or type `q` to leave everything as it was."
                ));
                let mut answer = String::new();
                std::io::stdin().read_line(&mut answer).context("waiting for Enter")?;
                if answer.trim() == "q" {
                    return Err(Error::bad_request("Nothing was changed."));
                }
            }
        }
    };
    if after == before && sealed.is_some() {
        call.print("Nothing has changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let sealed = format!("{}\n", seal(&key, &after, random));
    whole_file::write(&home.join(&names.sealed), &sealed, Readers::Everybody)
        .context(format!("writing {}", names.sealed))?;
    call.print(format!("{} is sealed.", names.sealed));
    Ok(ExitCode::SUCCESS)
}

/// What an editor makes of a text. Nothing of it stays on the disk.
fn edited(text: &str, random: &dyn Random) -> Result<String> {
    let scratch = Scratch::new(text, random)?;
    edit(&scratch.file())?;
    fs::read_to_string(scratch.file()).context("reading what was edited")
}

fn refused(finding: crate::Finding) -> Error {
    Error::bad_request(finding.to_string())
}

/// A new key in its file, which `.gitignore` leaves out from now on.
fn make_key(call: &Call, home: &Path, names: &Names, random: &dyn Random) -> Result<String> {
    let key = random.hex(32);
    // First what keeps it out of the repository.
    let line = "/config/*.key*";
    let ignored = home.join(".gitignore");
    let known = match fs::read(&ignored) {
        Ok(known) => known,
        Err(fault) if fault.kind() == ErrorKind::NotFound => Vec::new(),
        Err(fault) => return Err(fault).context("reading .gitignore"),
    };
    if !known.split(|byte| *byte == b'\n').any(|known| known.trim_ascii() == line.as_bytes()) {
        let gap = if known.is_empty() || known.ends_with(b"\n") { "" } else { "\n" };
        let mut file =
            OpenOptions::new().create(true).append(true).open(&ignored).context("opening .gitignore")?;
        writeln!(file, "{gap}{line}").context("adding the key to .gitignore")?;
    }
    whole_file::write(&home.join(&names.key), format!("{key}\n"), Readers::Owner)
        .context(format!("writing {}", names.key))?;
    call.print(format!(
        "{} has been made, and .gitignore leaves it out. Keep a copy: without it nobody opens {}. Servers get it as {VARIABLE}.",
        names.key, names.sealed
    ));
    Ok(key)
}

/// A folder that nobody else can look into, with the file to edit and what editors put beside it. It is gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str, random: &dyn Random) -> Result<Self> {
        // In memory, where the system has a folder for that.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let scratch = Self(place.join(format!("credentials-{}", random.hex(8))));
        let mut folder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&scratch.0).context("making a folder for the file to edit")?;
        let mut options = Readers::Owner.options();
        let written = options
            .create_new(true)
            .open(scratch.file())
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.context("writing the file to edit")?;
        Ok(scratch)
    }

    fn file(&self) -> PathBuf {
        self.0.join("credentials.toml")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _already_gone = fs::remove_dir_all(&self.0);
    }
}

/// Runs the editor, and waits for its end. `VISUAL` and `EDITOR` may have arguments.
fn edit(path: &Path) -> Result<()> {
    let chosen = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let editor =
        chosen.into_iter().find(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let ended = Program::new(program).args(words).arg(path).status();
    let ended = ended.context(format!(
        "starting `{editor}`: set EDITOR to an editor that waits until the file is closed"
    ))?;
    if ended.success() {
        return Ok(());
    }
    Err(Error::bad_request(format!("Nothing was changed: `{editor}` ended with {ended}.")))
}
