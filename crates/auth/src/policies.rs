//! `policies show`: who may do what with the rows of which model, and whom routes let in.

use std::process::ExitCode;

use clap::Arg;
use mainstay_core::command::{Call, Command};
use mainstay_core::config::did_you_mean;
use mainstay_core::principal::{Entitlement, Principal};
use mainstay_core::{Contributions, Error, Result};
use mainstay_db::{Db, Dialect};
use mainstay_resource::policy::{Shown, ShownPolicy, ShownRows};
use mainstay_resource::{Action, Policies};

use crate::roles::{HasRoles, Holder, Known, Roles, find_holder};

/// The command.
pub(crate) fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("policies", "Shows who may do what.", run)
        .argument(Arg::new("action").value_parser(["show"]).default_value("show").help("What to do"))
        .argument(Arg::new("model").help("That of this model alone"))
        .argument(option(
            "as",
            "WHO",
            "What this account may do: the name that it signs in by, or its identity (User/User/42)",
        ))
        .argument(option("role", "ROLE", "What somebody with this role may do"))
}

async fn run(call: Call) -> Result<ExitCode> {
    let text = |name: &str| call.arguments.get_one::<String>(name).cloned();
    let contributions = call.resolver().get::<Contributions>().await?;
    let db = call.resolver().get::<Db>().await?;
    let actors = actors(&call, &contributions, &db).await?;
    for policy in
        chosen(Policies::new(Contributions::clone(&contributions)).shown(), text("model").as_deref())?
    {
        call.print(policy.meta.name);
        for (label, who) in &actors {
            for line in lines(&policy, label, who, db.dialect()) {
                call.print(line);
            }
        }
    }
    if text("model").is_none() {
        let mut guarded = Vec::new();
        for route in mainstay_http::routes_of(&call.assembly) {
            let rules: Vec<_> = route.operation.guards.iter().map(|guard| guard.rule.as_str()).collect();
            if !rules.is_empty() {
                let rules = rules.join(", and ");
                guarded.push(format!("  {:<7} {}  {rules}", route.method_name(), route.label()));
            }
        }
        call.print(if guarded.is_empty() { "No route has a guard" } else { "Routes with guards" });
        for line in guarded {
            call.print(line);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What `policies show` says of one model and one actor, an action a line.
pub fn lines(policy: &ShownPolicy, label: &str, who: &Principal, dialect: Dialect) -> Vec<String> {
    let line = |action: Action| {
        let Shown { rows, fields } = policy.show(who, action, dialect);
        let with = if rows == ShownRows::None { String::new() } else { format!("; fields: {fields}") };
        format!("  {label:<16} {:<7} {rows}{with}", action.permission())
    };
    Action::ALL.map(line).to_vec()
}

fn chosen(all: Vec<ShownPolicy>, name: Option<&str>) -> Result<Vec<ShownPolicy>> {
    let Some(name) = name else { return Ok(all) };
    let is_it = |policy: &&ShownPolicy| {
        policy.meta.name.eq_ignore_ascii_case(name) || policy.meta.table.eq_ignore_ascii_case(name)
    };
    match all.iter().find(is_it) {
        Some(policy) => Ok(vec![policy.clone()]),
        None => {
            let near = did_you_mean(name, all.iter().map(|policy| policy.meta.name));
            Err(Error::not_found(format!("No model `{name}` has a policy{near}")))
        }
    }
}

/// Whose rights are shown: those who are asked for, else nobody, somebody, and somebody with each role.
async fn actors(call: &Call, contributions: &Contributions, db: &Db) -> Result<Vec<(String, Principal)>> {
    let text = |name: &str| call.arguments.get_one::<String>(name).map(String::as_str);
    let has_roles = contributions.of::<HasRoles>().next().is_some();
    if let Some(name) = text("as") {
        let identity = match find_holder(name, Known::There, contributions, db).await? {
            Holder::Account(identity) => identity,
            Holder::Group(_) => {
                return Err(Error::bad_request("`--as` takes an account, and this is a group."));
            }
        };
        let who = Principal::of_identity(&identity)
            .ok_or_else(|| Error::internal("an identity that cannot be read"))?;
        let mut who = who.named(name);
        for entitlement in contributions.of::<Entitlement>() {
            who = entitlement.value.entitle(who, &call.resolver()).await?;
        }
        return Ok(vec![(name.to_owned(), who)]);
    }
    let somebody = || Principal::user("1");
    let mut actors = Vec::new();
    if text("role").is_none() {
        actors.push(("nobody".to_owned(), Principal::anonymous()));
        actors.push(("somebody".to_owned(), somebody()));
    }
    if has_roles {
        for role in call.resolver().get::<Roles>().await?.all().await? {
            if text("role").is_none_or(|name| name == role.name) {
                let who = role.permissions.iter().fold(somebody(), Principal::with_permission);
                actors.push((format!("role {}", role.name), who.with_role(role.name)));
            }
        }
    }
    match text("role") {
        Some(name) if actors.is_empty() => Err(Error::not_found(format!("There is no role `{name}`."))),
        _ => Ok(actors),
    }
}
