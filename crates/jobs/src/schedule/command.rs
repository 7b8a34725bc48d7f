//! `schedule list`, `schedule run`.

use std::process::ExitCode;

use clap::Arg;
use mainstay_core::command::{Call, Command};
use mainstay_core::{Error, Result};

use super::Timetable;

/// `schedule list`, `schedule run NAME`
pub(crate) fn command() -> Command {
    let action = Arg::new("action").value_parser(["list", "run"]).default_value("list").help("What to do");
    let name = Arg::new("name").help("The schedule whose job is enqueued now");
    Command::new("schedule", "Shows what is enqueued by the clock, or enqueues it now.", run)
        .argument(action)
        .argument(name)
}

async fn run(call: Call) -> Result<ExitCode> {
    let timetable = call.resolver().get::<Timetable>().await?;
    let name = call.arguments.get_one::<String>("name");
    match (call.arguments.get_one::<String>("action").map(String::as_str), name) {
        (Some("run"), Some(name)) => {
            let job = timetable.run(name).await?;
            call.print(format!("`{name}` is enqueued as job {job}."));
        }
        (Some("run"), None) => return Err(Error::bad_request("say which: schedule run NAME")),
        _ => list(&call, &timetable).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(call: &Call, timetable: &Timetable) -> Result<()> {
    let stored = timetable.stored().await?;
    if timetable.schedules().is_empty() {
        call.print("Nothing is enqueued by the clock.");
    }
    for schedule in timetable.schedules() {
        let row = stored.iter().find(|row| row.name == schedule.name);
        let time = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let next = timetable.next(schedule).map_or_else(|| "never".to_owned(), time);
        let last = row.and_then(|row| row.last_for).map_or_else(|| "never".to_owned(), time);
        let paused = if row.is_some_and(|row| row.is_paused) { ", paused" } else { "" };
        call.print(format!("{}  ({}): next {next}, last {last}{paused}", schedule.name, schedule.rhythm));
    }
    Ok(())
}
