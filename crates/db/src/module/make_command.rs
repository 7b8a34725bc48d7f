//! `makemigrations`: writes what has changed in the models as a migration.

use std::collections::HashMap;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches};
use mainstay_core::command::{Call, Command, Setup};
use mainstay_core::{Error, Result, StatusCode};

use super::models;
use crate::meta::ModelMeta;
use crate::migrate::decide::{Ask, Decisions, Question, example};
use crate::migrate::diff::backfill;
use crate::migrate::make::{Folder, Made, MakeError};
use crate::migrate::set::{Set, sets_where_they_are};
use crate::schema::Column;

/// `makemigrations`
pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let pairs = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(pair).action(ArgAction::Append).help(help)
    };
    Command::new("makemigrations", "Writes what has changed in the models as a migration.", run)
        .argument(
            Arg::new("name").long("name").value_name("NAME").help("What it is called, after its number"),
        )
        .argument(flag("check", "Only say whether something has changed: then the exit code is 1"))
        .argument(flag("dry-run", "Show the file, and write nothing"))
        .argument(flag("empty", "Make one with nothing in it, for SQL or a function by hand"))
        .argument(flag("merge", "Join two branches that have both made migrations"))
        .argument(pairs("rename", "OLD=NEW", "A table, or table.column, that has another name now"))
        .argument(flag("no-rename", "Nothing (else) was renamed: what is gone is dropped"))
        .argument(pairs("fill", "TABLE.COLUMN=VALUE", "What rows that are there get in a new column"))
        // Models that have changed are a finding: this mends it.
        .setup(Setup::Any)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

async fn run(call: Call) -> Result<ExitCode> {
    let models = models::all(&call.assembly.contributions);
    let mut sets = sets_where_they_are(&call.assembly.contributions)
        .map_err(|tangle| crate::migrate::MigrateError::from(tangle).into_error())?;
    let Some(set) = sets.pop() else {
        return Err(refused(
            "the application does not say where its migrations are: App::new().migrations(migrations!())"
                .to_owned(),
        ));
    };
    let arguments = call.arguments.clone();
    // Files and a terminal are waited for: in a thread where that holds up nobody.
    let made = tokio::task::spawn_blocking(move || make(&set, &models, &arguments)).await;
    match made.map_err(|fault| refused(fault.to_string()))? {
        Ok((lines, code)) => {
            call.print(lines.join("\n"));
            Ok(code)
        }
        Err(fault) => Err(refused(fault.to_string())),
    }
}

fn make(
    set: &Set,
    models: &[&'static ModelMeta],
    arguments: &ArgMatches,
) -> Result<(Vec<String>, ExitCode), MakeError> {
    let folder = Folder::read(set)?;
    let name = arguments.get_one::<String>("name").map(String::as_str);
    let (check, dry) = (arguments.get_flag("check"), arguments.get_flag("dry-run"));
    let made = if arguments.get_flag("merge") {
        folder.merge(name)?
    } else if arguments.get_flag("empty") {
        Some(folder.empty(name)?)
    } else {
        let mut terminal = Terminal;
        let interactive = std::io::stdin().is_terminal() && !check;
        let mut decisions = decisions(arguments);
        if interactive {
            decisions.ask = Some(&mut terminal);
        }
        match folder.next(models, name, &mut decisions) {
            Err(MakeError::Undecided(open)) if check => {
                let lines = open.iter().map(ToString::to_string).collect();
                return Ok((lines, ExitCode::FAILURE));
            }
            made => made?,
        }
    };
    let Some(made) = made else {
        if !folder.is_listed() && !check && !dry {
            folder.list()?;
            return Ok((vec!["migrations/snapshot.toml is up to date again.".to_owned()], ExitCode::SUCCESS));
        }
        return Ok((vec!["Nothing has changed.".to_owned()], ExitCode::SUCCESS));
    };
    let mut lines = vec![made.migration.file.clone()];
    lines.extend(summary(&made));
    if check {
        lines.push("\nThe models have changed: run `makemigrations`.".to_owned());
        return Ok((lines, ExitCode::FAILURE));
    }
    if dry {
        lines.push(format!("\n{}", made.text));
        return Ok((lines, ExitCode::SUCCESS));
    }
    folder.write(&made)?;
    Ok((lines, ExitCode::SUCCESS))
}

fn summary(made: &Made) -> Vec<String> {
    let mut lines = Vec::new();
    for note in &made.notes {
        lines.push(format!("  {}", note.what));
        lines.extend(note.dangers.iter().map(|danger| format!("    ! {danger}")));
    }
    lines
}

fn decisions<'a>(arguments: &ArgMatches) -> Decisions<'a> {
    let pairs = |name: &str| {
        arguments.get_many::<(String, String)>(name).into_iter().flatten().cloned().collect::<Vec<_>>()
    };
    Decisions {
        // `posts.name=posts.title` says the same as `posts.name=title`.
        renames: pairs("rename")
            .into_iter()
            .map(|(old, new)| {
                let table = old.split_once('.').map(|(table, _)| format!("{table}."));
                let short = table.and_then(|table| new.strip_prefix(&table).map(str::to_owned));
                (old, short.unwrap_or(new))
            })
            .collect::<HashMap<_, _>>(),
        fills: pairs("fill").into_iter().map(|(name, value)| (name, backfill(&value))).collect(),
        nothing_else_renamed: arguments.get_flag("no-rename"),
        ..Decisions::default()
    }
}

/// Somebody at a terminal.
struct Terminal;

impl Terminal {
    fn answer(question: &str) -> Option<String> {
        let mut out = std::io::stderr();
        write!(out, "{question} ").and_then(|()| out.flush()).ok()?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim().to_owned())
    }
}

impl Ask for Terminal {
    fn renamed(&mut self, question: Question<'_>) -> Option<bool> {
        let text = match question {
            Question::Table { from, to } => format!("Has the table `{from}` been renamed to `{to}`? [y/n]"),
            Question::Column { table, from, to } => {
                format!("Has the column `{table}.{from}` been renamed to `{to}`? [y/n]")
            }
        };
        loop {
            match Self::answer(&text)?.to_ascii_lowercase().as_str() {
                "y" | "yes" => return Some(true),
                "n" | "no" => return Some(false),
                _ => {}
            }
        }
    }

    fn fill(&mut self, table: &str, column: &Column) -> Option<String> {
        let text = format!(
            "`{table}.{}` must have a value. What do rows get that are there? (such as {}, 'text', now, sql:EXPRESSION)",
            column.name,
            example(column)
        );
        loop {
            let answer = Self::answer(&text)?;
            if !answer.is_empty() {
                return Some(answer);
            }
        }
    }
}

fn refused(message: String) -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, message).code("migration_refused")
}
