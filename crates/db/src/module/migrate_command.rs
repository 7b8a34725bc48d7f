//! `migrate`: applies migrations, undoes them, and shows what there is.

use std::process::ExitCode;

use clap::{Arg, ArgAction};
use mainstay_core::command::{Call, Command, Setup};
use mainstay_core::{Error, Result, StatusCode};
use serde_json::json;

use super::config::DatabaseConfig;
use super::key_ring;
use crate::db::Db;
use crate::migrate::MigrateError;
use crate::migrate::ledger::State;
use crate::migrate::plan::Goal;
use crate::migrate::runner::{Event, Outlook, Runner, Standing};
use crate::migrate::set::{Set, Way, sets};
use crate::migrate::sql::Action;

/// `migrate [up|down|to|status|plan|adopt] [NAME]`
pub(super) fn command() -> Command {
    let action = Arg::new("action")
        .value_parser(["up", "down", "to", "status", "plan", "adopt"])
        .default_value("up")
        .help(
            "up: apply what is missing; down: undo the last one; to NAME: apply or undo up to NAME, or to `zero`; status: \
             what is applied; plan: what `up` (or `to NAME`) would run; adopt: note as applied, and run nothing",
        );
    Command::new("migrate", "Brings the database to the schema of the migrations.", run)
        .argument(action)
        .argument(Arg::new("name").value_name("NAME").help("A migration, or how its name begins; or `zero`"))
        .argument(
            Arg::new("steps")
                .long("steps")
                .value_name("N")
                .value_parser(clap::value_parser!(u16).range(1..))
                .default_value("1")
                .help("How many `down` undoes"),
        )
        .argument(Arg::new("json").long("json").action(ArgAction::SetTrue).help("status and plan as JSON"))
        // Although the models have changed: what has been made so far can be applied all the same.
        .setup(Setup::Any)
}

async fn run(call: Call) -> Result<ExitCode> {
    let sets =
        sets(&call.assembly.contributions).map_err(|tangle| MigrateError::from(tangle).into_error())?;
    if sets.iter().all(|set| set.migrations.is_empty()) {
        return Err(refused(
            "there are no migrations: `makemigrations` makes the first; the application names them with \
             `.migrations(migrations!())`",
        ));
    }
    let config = call.assembly.config.section::<DatabaseConfig>()?;
    let db = super::provide::open(&config.for_migrations(), &call.assembly.config).await?;
    let outcome = async {
        key_ring::make_if_used(&db, &call.assembly.config).await?;
        act(&call, &sets, &db, &config).await
    };
    let outcome = outcome.await;
    db.close().await;
    outcome
}

async fn act(call: &Call, sets: &[Set], db: &Db, config: &DatabaseConfig) -> Result<ExitCode> {
    let runner = Runner::new(db, sets, config.migration_timeout);
    let action = call.arguments.get_one::<String>("action").map_or("up", String::as_str);
    let name = call.arguments.get_one::<String>("name").map(String::as_str);
    let as_json = call.arguments.get_flag("json");
    let failed = MigrateError::into_error;
    let goal = match (action, name) {
        ("to", None) => return Err(refused("say where to: `migrate to NAME`, or `migrate to zero`")),
        ("down", None) => {
            Goal::Back(call.arguments.get_one::<u16>("steps").map_or(1, |steps| usize::from(*steps)))
        }
        ("down" | "status", Some(_)) => {
            return Err(refused("this takes no name; `migrate to NAME` undoes what comes after NAME"));
        }
        (_, Some("zero")) => Goal::Nothing,
        (_, Some(name)) => Goal::To(name.to_owned()),
        (_, None) => Goal::Latest,
    };
    match action {
        "status" => {
            let standings = runner.status().await.map_err(failed)?;
            print_status(call, &standings, as_json);
        }
        "plan" => {
            let outlook = runner.outlook(&goal).await.map_err(failed)?;
            print_plan(call, &outlook, as_json, db.dialect().name());
        }
        "adopt" => runner.adopt(name, |event| tell(call, &event)).await.map_err(failed)?,
        _ => {
            let mut events = 0;
            let told = |event| {
                events += 1;
                tell(call, &event);
            };
            runner.run(&goal, told).await.map_err(failed)?;
            if events == 0 {
                call.print("Nothing to do.");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(call: &Call, event: &Event) {
    call.print(match event {
        Event::Applied { name, took } => format!("applied  {name}  ({} ms)", took.as_millis()),
        Event::Reverted { name, took } => format!("undone   {name}  ({} ms)", took.as_millis()),
        Event::Adopted { name } => format!("noted    {name}  (its tables are there; nothing was run)"),
    });
}

fn state(standing: &Standing) -> (&'static str, String) {
    let Some(entry) = &standing.entry else { return ("pending", String::new()) };
    match entry.state {
        State::Applying(done) => ("half-way", format!("{done} statements run; `migrate up` goes on")),
        State::Reverting(done) => ("half-way", format!("{done} statements of its undoing run")),
        State::Applied if standing.edited => ("edited", "the file has changed since".to_owned()),
        State::Applied if !standing.known => ("unknown", "not in this program".to_owned()),
        State::Applied => ("applied", entry.at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
    }
}

fn print_status(call: &Call, standings: &[Standing], as_json: bool) {
    if as_json {
        let list: Vec<_> = standings
            .iter()
            .map(|standing| {
                json!({
                    "package": standing.package,
                    "name": standing.name,
                    "state": state(standing).0,
                    "at": standing.entry.as_ref().map(|entry| entry.at.to_rfc3339()),
                })
            })
            .collect();
        return call.print(serde_json::Value::from(list));
    }
    let width = standings.iter().map(|standing| standing.name.len()).max().unwrap_or(0);
    for standing in standings {
        let (word, more) = state(standing);
        call.print(format!("{word:<8} {:<width$}  {more}", standing.name).trim_end());
    }
}

fn print_plan(call: &Call, outlook: &[Outlook], as_json: bool, engine: &str) {
    if as_json {
        let list: Vec<_> = outlook
            .iter()
            .map(|planned| {
                let steps: Vec<_> = planned
                    .steps
                    .iter()
                    .map(|step| json!({ "what": step.what, "dangers": step.dangers, "run": lines(&step.action) }))
                    .collect();
                json!({
                    "name": planned.name,
                    "way": if planned.way == Way::Up { "up" } else { "down" },
                    "steps": steps,
                })
            })
            .collect();
        return call.print(serde_json::Value::from(list));
    }
    if outlook.is_empty() {
        return call.print("Nothing to do.");
    }
    for planned in outlook {
        let way = if planned.way == Way::Up { "apply" } else { "undo" };
        call.print(format!("{way} {} on {engine}", planned.name));
        for step in &planned.steps {
            for what in &step.what {
                call.print(format!("  {what}"));
            }
            for danger in &step.dangers {
                call.print(format!("    ! {danger}"));
            }
            for line in lines(&step.action) {
                call.print(format!("      {line}"));
            }
        }
    }
}

fn lines(action: &Action) -> Vec<String> {
    match action {
        Action::Sql(statements) => statements.iter().map(|sql| format!("{sql};")).collect(),
        Action::Script(sql) => sql.lines().map(str::to_owned).collect(),
        Action::Function(name) => vec![format!("fn {name}")],
    }
}

fn refused(message: &'static str) -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, message).code("migration_refused")
}
