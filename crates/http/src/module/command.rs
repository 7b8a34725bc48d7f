//! `routes`: every route with its handler, module and source.

use std::process::ExitCode;

use clap::{Arg, ArgAction};
use mainstay_core::Result;
use mainstay_core::command::{Call, Command, Setup};
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    method: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<String>,
    handler: String,
    name: Option<String>,
    module: String,
    source: String,
}

/// The command. It shows what it can also where routes are in conflict, and then what is wrong.
pub(super) fn routes() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("As JSON");
    Command::new("routes", "Lists every route.", async |call: Call| run(&call))
        .argument(json)
        .setup(Setup::Any)
}

fn run(call: &Call) -> Result<ExitCode> {
    let mut rows: Vec<_> = super::routes_of(&call.assembly)
        .iter()
        .map(|route| Row {
            method: route.method_name().to_owned(),
            path: route.pattern().to_owned(),
            versions: route.versions.map(|versions| versions.to_string()),
            handler: route.operation.name.clone(),
            name: route.name.clone(),
            module: route.module.clone(),
            source: format!("{}:{}", route.operation.source.file, route.operation.source.line),
        })
        .collect();
    rows.sort_by(|a, b| (&a.path, &a.method, &a.versions).cmp(&(&b.path, &b.method, &b.versions)));
    if call.arguments.get_flag("json") {
        call.print(serde_json::to_string_pretty(&rows)?);
    } else {
        call.print(table(&rows));
    }
    if call.assembly.findings().has_errors() {
        call.print(format!("\n{}", call.assembly.findings()));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Columns as wide as their widest cell.
fn table(rows: &[Row]) -> String {
    let head = ["METHOD", "PATH", "HANDLER", "MODULE", "SOURCE"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(head)
        .chain(rows.iter().map(|row| {
            [
                row.method.clone(),
                match &row.versions {
                    Some(versions) => format!("{} (version {versions})", row.path),
                    None => row.path.clone(),
                },
                row.handler.clone(),
                row.module.clone(),
                row.source.clone(),
            ]
        }))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |cells: &[String; 5]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
