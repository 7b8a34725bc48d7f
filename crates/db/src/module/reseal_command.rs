//! `reseal`: seals encrypted fields with the key of now.

use std::process::ExitCode;

use clap::{Arg, ArgAction};
use mainstay_core::command::{Call, Command};
use mainstay_core::config::did_you_mean;
use mainstay_core::{Error, Result};

use super::models;
use crate::db::Db;
use crate::encrypted::reseal;
use crate::meta::ModelMeta;

/// `reseal [MODEL…]`
pub(super) fn command() -> Command {
    let asked = Arg::new("models")
        .value_name("MODEL")
        .action(ArgAction::Append)
        .num_args(0..)
        .help("Only these models; else all that have encrypted fields");
    Command::new("reseal", "Seals encrypted fields with the key of now.", run).argument(asked)
}

async fn run(call: Call) -> Result<ExitCode> {
    let all = models::all(&call.assembly.contributions);
    let asked: Vec<&String> = call.arguments.get_many("models").into_iter().flatten().collect();
    let models = chosen(&all, &asked)?;
    if models.is_empty() {
        call.print("No model has an encrypted field.");
        return Ok(ExitCode::SUCCESS);
    }
    let db = call.resolver().get::<Db>().await?;
    let mut is_whole = true;
    for model in models {
        let done = reseal(model, &db).await?;
        let overtaken = match done.overtaken {
            0 => String::new(),
            some => format!(", {some} written by others meanwhile"),
        };
        call.print(format!("{}: {} rows, {} sealed anew{overtaken}", model.name, done.rows, done.sealed));
        for fault in &done.faults {
            call.print(format!("  {fault}"));
        }
        if done.refused > 0 {
            call.print(format!("  {} could not be opened, and are as they were", done.refused));
        }
        if done.duplicates > 0 {
            call.print(format!(
                "  {} have a value that another row has, and are as they were",
                done.duplicates
            ));
        }
        is_whole &= done.refused == 0 && done.duplicates == 0;
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The models that are asked for, each of which has something to be sealed.
fn chosen(all: &[&'static ModelMeta], asked: &[&String]) -> Result<Vec<&'static ModelMeta>> {
    let sealed = || all.iter().copied().filter(|model| model.has_encrypted);
    if asked.is_empty() {
        return Ok(sealed().collect());
    }
    let find = |name: &&String| {
        sealed().find(|model| model.name == **name).ok_or_else(|| {
            let near = did_you_mean(name, sealed().map(|model| model.name));
            Error::not_found(format!("There is no model `{name}` with an encrypted field{near}."))
        })
    };
    asked.iter().map(find).collect()
}
