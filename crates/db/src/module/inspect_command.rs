//! `inspectdb`: the models that a database would be made from.

use std::process::ExitCode;

use clap::{Arg, ArgAction};
use mainstay_core::Result;
use mainstay_core::command::{Call, Command, Setup};

use super::config::DatabaseConfig;
use super::key_ring;
use crate::error::Border;
use crate::executor::Executor;
use crate::migrate::ledger;
use crate::schema::{live, source};

/// `inspectdb [TABLE…]`
pub(super) fn command() -> Command {
    let tables = Arg::new("tables")
        .value_name("TABLE")
        .action(ArgAction::Append)
        .num_args(0..)
        .help("Only these tables");
    Command::new("inspectdb", "Prints the models of the tables that are in the database.", run)
        .argument(tables)
        .setup(Setup::Any)
}

async fn run(call: Call) -> Result<ExitCode> {
    let config = call.assembly.config.section::<DatabaseConfig>()?;
    let db = super::provide::open(&config, &call.assembly.config).await?;
    let read = live(db.target()).await.at_border();
    let dialect = db.dialect();
    db.close().await;
    let mut schema = read?.recognised(dialect);
    let asked: Vec<&String> = call.arguments.get_many("tables").into_iter().flatten().collect();
    let ours = [ledger::TABLE, key_ring::TABLE];
    schema
        .tables
        .retain(|table| !ours.contains(&&*table.name) && (asked.is_empty() || asked.contains(&&table.name)));
    call.print(source(&schema).trim_end());
    Ok(ExitCode::SUCCESS)
}
