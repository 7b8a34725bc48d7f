//! The command `openapi`: the document, a client that is made from it, what breaks the clients of an earlier one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mainstay_core::command::{Call, Command};
use mainstay_core::error::Context;
use serde_json::Value;

use super::OpenApi;
use crate::client;
use crate::openapi::compare;

/// `openapi`
pub(super) fn command() -> Command {
    let file = |name: &'static str| {
        clap::Arg::new(name).long(name).value_name("FILE").value_parser(clap::value_parser!(PathBuf))
    };
    let output = file("output").short('o').help("Writes there instead of to standard output");
    let client = clap::Arg::new("client").long("client").value_name("LANGUAGE").value_parser(["typescript"]);
    let client =
        client.help("Writes a typed client in this language instead of the document").conflicts_with("check");
    let check =
        file("check").help("Says what breaks clients of this earlier document: then the exit code is 1");
    let version = clap::Arg::new("api-version").long("api-version").value_name("VERSION");
    let version =
        version.value_parser(clap::value_parser!(u32)).help("The document of this version of the API");
    Command::new("openapi", "Writes the OpenAPI document of the application.", |call: Call| async move {
        let openapi = call.resolver().get::<OpenApi>().await?;
        let document = match call.arguments.get_one::<u32>("api-version") {
            Some(version) => openapi.document_of(*version)?,
            None => openapi.document(),
        };
        let document = document.as_json();
        if let Some(path) = call.arguments.get_one::<PathBuf>("check") {
            return check_against(path, document, &call);
        }
        let text = match call.arguments.get_one::<String>("client") {
            Some(_typescript) => client::typescript(document),
            None => serde_json::to_string_pretty(document)? + "\n",
        };
        match call.arguments.get_one::<PathBuf>("output") {
            None => call.print(text.trim_end()),
            Some(path) => std::fs::write(path, text).context(format!("writing `{}`", path.display()))?,
        }
        Ok(ExitCode::SUCCESS)
    })
    .argument(output)
    .argument(client)
    .argument(check)
    .argument(version)
}

fn check_against(path: &Path, document: &Value, call: &Call) -> mainstay_core::Result<ExitCode> {
    let reading = || format!("reading `{}`", path.display());
    let earlier = std::fs::read(path).context(reading())?;
    let earlier = serde_json::from_slice(&earlier).context(reading())?;
    let breaks = compare::breaks(&earlier, document);
    if breaks.is_empty() {
        call.print("Nothing breaks clients of the earlier document.");
        return Ok(ExitCode::SUCCESS);
    }
    for one in &breaks {
        call.print(one.to_string());
    }
    Ok(ExitCode::FAILURE)
}
