//! `roles list|permissions|create|delete|grant|revoke|give|take|join|leave`: for operators. It makes the first administrator.

use std::process::ExitCode;

use clap::Arg;
use mainstay_core::command::{Call, Command};
use mainstay_core::principal::Principal;
use mainstay_core::{Contributions, Error, Result};
use mainstay_db::Db;

use super::change::written;
use super::table::StoredGroup;
use super::{HasRoles, Holder, Origin, Role, RoleChanges, Roles, all_permissions};

/// How the tables of this framework are called: permissions for their rows are of little use to most.
const OURS: &str = "mainstay_";

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
             `list NAME` shows who has a role, or belongs to a group; `permissions` which there are, `permissions START` those \
             that begin so, also of the tables of this framework",
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
    let name = || text("name").ok_or_else(|| missing(action));
    let what = || text("what").ok_or_else(|| missing(action));
    let changes = roles.change(&Principal::system("command"))?;
    let holder = match action {
        // By a slip of the pen, whoever gets that number one day would have the role.
        "give" | "join" => Some(find(what()?, Known::There, &contributions, &db).await?),
        "take" | "leave" => Some(find(what()?, Known::Once, &contributions, &db).await?),
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
            for line in listed(&roles, name()?, &db).await? {
                call.print(line);
            }
            return Ok(ExitCode::SUCCESS);
        }
        "permissions" => {
            let is_shown = |permission: &str| match text("name") {
                Some(start) => permission.starts_with(start),
                None => !permission.starts_with(OURS),
            };
            for permission in all_permissions(&contributions).iter().filter(|known| is_shown(known)) {
                call.print(permission);
            }
            return Ok(ExitCode::SUCCESS);
        }
        "create" => changes.create(Role::new(name()?)).await?,
        "delete" => changes.delete(name()?).await?,
        "grant" => changes.grant(name()?, what()?).await?,
        "revoke" => changes.revoke(name()?, what()?).await?,
        "group" => changes.create_group(name()?, "").await?,
        _ => hold(&changes, action, (name()?, holder.ok_or_else(|| missing(action))?)).await?,
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

fn missing(action: &str) -> Error {
    let needs = match action {
        "grant" | "revoke" => "ROLE PERMISSION",
        "give" | "take" => "ROLE WHO",
        "join" | "leave" => "GROUP WHO",
        "group" => "GROUP",
        _ => "ROLE",
    };
    Error::bad_request(format!("Something is missing: `roles {action} {needs}`."))
}

/// Who has a role, or belongs to a group.
async fn listed(roles: &Roles, name: &str, db: &Db) -> Result<Vec<String>> {
    let group = Holder::group(name);
    if roles.all().await?.iter().any(|role| role.name == name) {
        return Ok(roles.holders(name).await?.iter().map(Holder::to_string).collect());
    }
    let holder = group.text();
    if StoredGroup::filter(|group| group.holder.eq(holder)).exists(&db.primary()).await? {
        return roles.members(name).await;
    }
    Err(Error::not_found(format!("There is no role `{name}`, and no group.")))
}

fn line(role: &Role, holders: usize) -> String {
    let origin = if role.origin == Origin::Code { "in code" } else { "" };
    let permissions = written(&role.permissions);
    format!("{:<20} {holders:>5}  {origin:<8} {permissions}  {}", role.name, role.description)
        .trim_end()
        .to_owned()
}

/// Whether an identity has to be that of an account, or may be that of one that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// There is such an account.
    There,
    /// There was one.
    Once,
}

/// Who is meant on the command line.
pub(crate) async fn find(text: &str, known: Known, contributions: &Contributions, db: &Db) -> Result<Holder> {
    if let group @ Holder::Group(_) = Holder::read(text.to_owned()) {
        return Ok(group);
    }
    if let Some(who) = Principal::of_identity(text) {
        let mut is_there = known == Known::Once;
        for accounts in contributions.of::<HasRoles>() {
            is_there = is_there || (accounts.value.is_there)(&who, db).await?;
        }
        let missing = || Error::not_found(format!("There is no account `{text}`."));
        return if is_there { Ok(Holder::Account(text.to_owned())) } else { Err(missing()) };
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
