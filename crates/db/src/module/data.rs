//! The commands `dumpdata` and `loaddata`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction};
use futures_util::TryStreamExt;
use mainstay_core::command::{Call, Command};
use mainstay_core::error::Context;
use mainstay_core::{Error, Result, StatusCode};
use tokio::sync::mpsc;

use super::models;
use crate::db::Db;
use crate::transfer::{self, Chosen, Source};

/// What stands for standard input and standard output.
const STANDARD: &str = "-";
/// How many pieces wait for the file.
const AHEAD: usize = 16;

/// `dumpdata [MODEL]… [--exclude MODEL]… [--output FILE]`
pub(super) fn dump() -> Command {
    let models = |name: &'static str| Arg::new(name).value_name("MODEL");
    Command::new("dumpdata", "Writes the rows of all models, or of some, as JSON lines.", write)
        .argument(
            models("only")
                .num_args(0..)
                .help("Models by their names, or their tables; all unless some are named"),
        )
        .argument(
            models("model").long("model").short('m').action(ArgAction::Append).help("The same, as an option"),
        )
        .argument(
            models("exclude")
                .long("exclude")
                .short('e')
                .action(ArgAction::Append)
                .help("A model that is left out"),
        )
        .argument(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .default_value(STANDARD)
                .help("Where to write; `-` is standard output"),
        )
}

async fn write(call: Call) -> Result<ExitCode> {
    let names = |argument: &str| -> Vec<String> {
        call.arguments.get_many::<String>(argument).into_iter().flatten().cloned().collect()
    };
    let all = models::all(&call.assembly.contributions);
    let only = [names("only"), names("model")].concat();
    let chosen = if only.is_empty() { Ok(Chosen::all(&all)) } else { Chosen::all(&all).only(&only) };
    let chosen = chosen.and_then(|chosen| chosen.without(names("exclude"))).map_err(|error| {
        match only.iter().find(|name| name.contains(['.', '/'])) {
            Some(file) => refused(format!("{}; to write to a file: --output {file}", error.message())),
            None => error,
        }
    })?;
    let output = call.arguments.get_one::<String>("output").map_or(STANDARD, String::as_str);
    let db = call.resolver().get::<Db>().await?;
    let snapshot = transfer::snapshot(&db).await?;
    let (pieces, taken) = mpsc::channel::<String>(AHEAD);
    let place = (output != STANDARD).then(|| PathBuf::from(output));
    let writing = tokio::task::spawn_blocking(move || match place {
        Some(path) => write_file(&path, taken),
        None => write_all(&mut io::stdout().lock(), taken),
    });
    let mut rows = 0;
    let dumped = async {
        let mut dump = transfer::dump(&chosen, &snapshot);
        while let Some(piece) = dump.try_next().await? {
            rows += piece.lines().count();
            if pieces.send(piece).await.is_err() {
                break; // it has failed, and says why itself
            }
        }
        // So that whoever writes knows it from a dump that was broken off.
        pieces.send(String::new()).await.ok();
        Ok::<_, Error>(())
    }
    .await;
    drop(pieces);
    let written = writing.await.map_err(Error::from)?;
    dumped?;
    match written {
        // A reader that has seen enough (`| head`) and went away is no fault.
        Err(fault) if output == STANDARD && fault.kind() == ErrorKind::BrokenPipe => {}
        other => other.context(format!("writing `{output}`"))?,
    }
    snapshot.rollback().await?;
    if output != STANDARD {
        call.print(format!("{} written to {output}", counted(rows as u64)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes beside the file, and puts it in its place when all of it is there: a dump that fails leaves the older one alone.
/// Nobody else may read it.
fn write_file(path: &Path, taken: mpsc::Receiver<String>) -> io::Result<()> {
    if path.exists() && !path.is_file() {
        return write_all(&mut OpenOptions::new().write(true).open(path)?, taken);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = private(&part).and_then(|mut file| {
        write_all(&mut file, taken)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    });
    if written.is_err() {
        // What matters is why it failed.
        let _gone = std::fs::remove_file(&part);
    }
    written
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_all(out: &mut dyn Write, mut taken: mpsc::Receiver<String>) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    while let Some(piece) = taken.blocking_recv() {
        if piece.is_empty() {
            return out.flush();
        }
        out.write_all(piece.as_bytes())?;
    }
    Err(io::Error::new(ErrorKind::UnexpectedEof, "the dump was broken off"))
}

/// `loaddata FILE… [--update]`
pub(super) fn load() -> Command {
    Command::new(
        "loaddata",
        "Writes rows from files, as `dumpdata` makes them, or from fixtures: all or none.",
        read,
    )
    .argument(
        Arg::new("from").value_name("FILE").num_args(1..).required(true).help(
            "Files, or names of files in the folder `fixtures` without `.jsonl`; `-` is standard input",
        ),
    )
    .argument(Arg::new("update").long("update").action(ArgAction::SetTrue).help(
        "Update the rows that are there already: those with the same key, or the same in a unique field",
    ))
}

async fn read(call: Call) -> Result<ExitCode> {
    let home = call.assembly.config.home();
    let mut sources = Vec::new();
    for from in call.arguments.get_many::<String>("from").into_iter().flatten() {
        let is_file = from.contains(['.', '/', std::path::MAIN_SEPARATOR]);
        sources.push(match from.as_str() {
            STANDARD => Source::reader("standard input", io::stdin()),
            path if is_file => Source::file(Path::new(path)).await?,
            name => Source::fixture(home, name).await?,
        });
    }
    let db = call.resolver().get::<Db>().await?;
    let models = models::all(&call.assembly.contributions);
    let rows = match call.arguments.get_flag("update") {
        true => transfer::load_or_update(&models, &db, sources).await?,
        false => transfer::load(&models, &db, sources).await?,
    };
    call.print(format!("{} loaded", counted(rows)));
    Ok(ExitCode::SUCCESS)
}

fn counted(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

fn refused(message: String) -> Error {
    Error::new(StatusCode::UNPROCESSABLE_ENTITY, message)
}
