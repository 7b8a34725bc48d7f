//! The command `token`.

use std::process::ExitCode;

use mainstay::prelude::*;

use super::User;

/// `token USERNAME`
pub(super) fn command() -> Command {
    let username = clap::Arg::new("username").required(true).help("Who will send it");
    Command::new("token", "Prints a token with which a user is signed in.", |call: Call| async move {
        let username = call.arguments.get_one::<String>("username").cloned().unwrap_or_default();
        let resolver = call.resolver();
        let (tokens, db) = (resolver.get::<Tokens>().await?, resolver.get::<Db>().await?);
        let user = User::filter(|user| user.username.eq(username.clone())).first(&db).await?;
        let user = user.or_not_found(format!("nobody is called `{username}`"))?;
        call.print(tokens.issue(&user)?);
        Ok(ExitCode::SUCCESS)
    })
    .argument(username)
}
