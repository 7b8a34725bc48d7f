//! `roles list|permissions|create|delete|grant|revoke|give|take|join|leave`: for operators. It makes the first administrator.

use std::process::ExitCode;

use clap::Arg;
use mainstay_core::command::{Call, Command};
use mainstay_core::principal::Principal;
use mainstay_core::{Contributions, Error, Result};
use mainstay_db::Db;

use super::change::written;
use super::{HasRoles, Holder, Origin, Role, RoleChanges, Roles, all_permissions};

/// The command.
pub(super) fn command() -> Command {
    let action = Arg::new("action")
        .value_parser([
            "list", "permissions", "create", "delete", "grant", "revoke", "give", "take", "group",
            "join", "leave",
        ])
        .default_value("list")
        .help(
            "What to do: `create ROLE`, `delete ROLE`, `grant ROLE PERMISSION`, `revoke ROLE PERMISSION`, \
             `give ROLE WHO`, `take ROLE WHO`, `group GROUP` (make one), `join GROUP WHO`, `leave GROUP WHO`; \
             `list ROLE` shows who has it, `permissions` which there are",
        );
    Command::new("roles", "Shows and changes roles, and who has them.", run)
        .argument(action)
        .argument(Arg::new("name").help("A role, or a group"))
        .argument(Arg::new("what").help(
            "A permission; or who: the name that somebody signs in by, an identity (User/User/42), or group:NAME",
        ))
}

async fn run(call: Call) -> Result<ExitCode> {
    let text = |name: &str| call.arguments.get_one::<String>(name).map(String::as_str);
    let resolver = call.resolver();
    let (roles, db) = (resolver.get::<Roles>().await?, resolver.get::<Db>().await?);
    let contributions = resolver.get::<Contributions>().await?;
    let action = text("action").unwrap_or("list");
    let name = || text("name").ok_or_else(|| missing(action, "the name of a role or group"));
    let what = |kind| text("what").ok_or_else(|| missing(action, kind));
    let changes = roles.change(&Principal::system("command"))?;
    let holder = match action {
        "give" | "take" | "join" | "leave" => Some(find(what("who")?, &contributions, &db).await?),
        _ => None,
    };
    match action {
        "list" if text("name").is_none() => {
            for role in roles.all().await? {
                call.print(line(&role, roles.holders(&role.name).await?.len()));
            }
            return Ok(ExitCode::SUCCESS);
        }
        "list" => {
            for holder in roles.holders(name()?).await? {
                call.print(holder);
            }
            return Ok(ExitCode::SUCCESS);
        }
        "permissions" => {
            for permission in all_permissions(&contributions) {
                call.print(permission);
            }
            return Ok(ExitCode::SUCCESS);
        }
        "create" => changes.create(Role::new(name()?)).await?,
        "delete" => changes.delete(name()?).await?,
        "grant" => changes.grant(name()?, what("a permission")?).await?,
        "revoke" => changes.revoke(name()?, what("a permission")?).await?,
        "group" => changes.create_group(name()?, "").await?,
        _ => hold(&changes, action, (name()?, holder.ok_or_else(|| missing(action, "who"))?)).await?,
    }
    call.print("Done.");
    Ok(ExitCode::SUCCESS)
}

async fn hold(changes: &RoleChanges<'_>, action: &str, (name, holder): (&str, Holder)) -> Result<()> {
    match (action, holder) {
        ("give", holder) => changes.give(name, holder).await,
        ("take", holder) => changes.take(name, holder).await,
        ("join", Holder::Account(identity)) => changes.join(name, &identity).await,
        ("leave", Holder::Account(identity)) => changes.leave(name, &identity).await,
        ("join" | "leave", Holder::Group(_)) => {
            Err(Error::bad_request("A group does not belong to a group."))
        }
        _ => Err(Error::bad_request(format!("`roles {action}` is nothing that can be done."))),
    }
}

fn missing(action: &str, what: &str) -> Error {
    Error::bad_request(format!("`roles {action}` needs {what}."))
}

fn line(role: &Role, holders: usize) -> String {
    let origin = if role.origin == Origin::Code { "in code" } else { "" };
    let permissions = written(&role.permissions);
    format!("{:<20} {holders:>5}  {origin:<8} {permissions}  {}", role.name, role.description)
        .trim_end()
        .to_owned()
}

/// Who is meant on the command line.
pub(crate) async fn find(text: &str, contributions: &Contributions, db: &Db) -> Result<Holder> {
    if let group @ Holder::Group(_) = Holder::read(text.to_owned()) {
        return Ok(group);
    }
    if Principal::of_identity(text).is_some() {
        return Ok(Holder::Account(text.to_owned()));
    }
    let mut found = Vec::new();
    for accounts in contributions.of::<HasRoles>() {
        found.extend((accounts.value.find)(text, db).await?);
    }
    match &*found {
        [only] => Ok(only.into()),
        [] => Err(Error::not_found(format!(
            "Nobody signs in as `{text}`. Write the name of an account, its identity (User/User/42), or group:NAME."
        ))),
        several => {
            let identities: Vec<_> = several.iter().map(Principal::identity).collect();
            Err(Error::conflict(format!("`{text}` is the name of several: {}.", identities.join(", "))))
        }
    }
}
