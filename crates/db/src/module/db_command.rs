//! `db`: the database itself, past the models.

use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction};
use mainstay_core::command::{Call, Command, Setup};
use mainstay_core::{Error, Result, StatusCode};

use super::DatabaseConfig;
use super::shell::Client;
use crate::engine;

/// `db shell`, `db backup FILE`, `db restore FILE`
pub(super) fn command() -> Command {
    let action = Arg::new("action").value_parser(["shell", "backup", "restore"]).required(true).help(
        "shell: open sqlite3, psql or mariadb on the database; backup: copy it into FILE while it is in use; restore: put \
         FILE in its place",
    );
    Command::new("db", "Opens a shell on the database, backs it up, or restores it.", run)
        .argument(action)
        .argument(Arg::new("file").value_name("FILE").help("The copy"))
        .argument(
            Arg::new("replace")
                .long("replace")
                .action(ArgAction::SetTrue)
                .help("Write over the file, or the database, that is there already"),
        )
        // Whatever is wrong with the models: the database may be needed to find out, or be put back because of it.
        .setup(Setup::Any)
}

async fn run(call: Call) -> Result<ExitCode> {
    let config = call.assembly.config.section::<DatabaseConfig>()?;
    let home = call.assembly.config.home();
    let action = call.arguments.get_one::<String>("action").map_or("shell", String::as_str);
    let file = call.arguments.get_one::<String>("file");
    let (action, file) = match (action, file) {
        ("shell", None) => {
            let client = Client::of(&config.url, home)?;
            return tokio::task::spawn_blocking(move || client.run())
                .await
                .map_err(|fault| Error::internal(format!("the shell could not be waited for: {fault}")))?;
        }
        ("shell", Some(_)) => return Err(refused("`db shell` takes no file".to_owned())),
        (action, Some(file)) => (action, Path::new(file)),
        (action, None) => return Err(refused(format!("say which file: `db {action} FILE`"))),
    };
    if !config.url.starts_with("sqlite:") {
        let client = Client::of(&config.url, home)?;
        let (name, line) = match action {
            "backup" => client.backup_line(&config.url, file),
            _ => client.restore_line(&config.url, file),
        };
        return Err(refused(format!(
            "`db {action}` is for SQLite. The tool of {} is `{name}`:\n\n    {line}\n",
            engine::dialect(&config.url).map_or("this engine", crate::Dialect::name)
        )));
    }
    copy(&call, action, &config.url, file).await
}

#[cfg(feature = "sqlite")]
async fn copy(call: &Call, action: &str, url: &str, file: &Path) -> Result<ExitCode> {
    use crate::error::{Border, DbError};
    use crate::sqlite::{Existing, Location, backup, restore};

    let location = Location::parse(url, call.assembly.config.home()).at_border()?;
    if location.is_temporary() {
        return Err(refused(
            "a database in memory belongs to its process alone: set database.url to a file".to_owned(),
        ));
    }
    let existing = if call.arguments.get_flag("replace") { Existing::Replace } else { Existing::Keep };
    // What is wrong with a file is all there is to be said: nothing else is unavailable.
    let explained = |fault: DbError| match fault {
        DbError::Unavailable { detail } if existing == Existing::Keep && detail.ends_with("already") => {
            refused(format!("{detail}; `--replace` writes over it"))
        }
        DbError::Unavailable { detail } => refused(detail),
        fault => fault.into_error(),
    };
    if action == "backup" {
        let bytes = backup(&location, file, existing).await.map_err(explained)?;
        call.print(format!(
            "{} copied to {}: {bytes} bytes, checked",
            location.path().display(),
            file.display()
        ));
    } else {
        restore(file, &location, existing).await.map_err(explained)?;
        call.print(format!("{} is now as {}", location.path().display(), file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "sqlite"))]
async fn copy(_: &Call, _: &str, url: &str, _: &Path) -> Result<ExitCode> {
    Err(refused(engine::recognise(url).err().unwrap_or_default()))
}

fn refused(message: String) -> Error {
    Error::new(StatusCode::UNPROCESSABLE_ENTITY, message)
}
