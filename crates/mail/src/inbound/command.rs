//! The door for programs on this machine: `mail receive`, as a line of Postfix, Exim or procmail calls it; and `mail show`, for people.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, ArgAction};
use mainstay_core::command::{Call, Command, Setup};
use mainstay_core::error::OrNotFound;
use mainstay_core::{Assembly, Error, Result};
use mainstay_jobs::JobId;

use super::arrival::Arrival;
use super::mails::InboundMails;
use super::refusal::Refusal;

/// What mail servers understand of a program that they call (`sysexits.h`). Whatever else it ends with, they send the mail back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It is stored.
    Taken = 0,
    /// EX_DATAERR: it is empty or too large.
    Unfit = 65,
    /// EX_NOUSER: nobody takes it.
    Nobody = 67,
    /// EX_TEMPFAIL: it could not be stored. The server keeps it, and tries again.
    Later = 75,
}

/// `mail receive [--from ADDRESS] [RECIPIENT]…`, `mail show JOB`
pub(super) fn command() -> Command {
    let action = Arg::new("action").value_parser(["receive", "show"]).required(true);
    let from = Arg::new("from").long("from").value_name("ADDRESS").help("Whom it is from, by the envelope");
    let to = Arg::new("to").value_name("RECIPIENT or JOB").action(ArgAction::Append);
    let told = "Takes a mail as mail servers hand it to programs, or shows the message of a job.";
    Command::new("mail", told, |call| async move {
        let is_shown = call.arguments.get_one::<String>("action").is_some_and(|action| action == "show");
        if is_shown {
            return show(&call).await;
        }
        let exit = match receive(&call).await {
            Ok(()) => Exit::Taken,
            Err(error) => {
                say(&error);
                exit_of(&error)
            }
        };
        Ok(ExitCode::from(exit as u8))
    })
    .argument(action.help("Take a mail from standard input, or show one that a job has"))
    .argument(from)
    .argument(
        to.help("Whom it is to, by the envelope; by its head unless it is said. Or: the number of the job"),
    )
    // A set-up that is wrong must not send mails back: somebody mends it, and they come again.
    .setup(Setup::Any)
}

/// Writes the message as it is, so that a mail program opens it.
async fn show(call: &Call) -> Result<ExitCode> {
    sound(&call.assembly)?;
    let job = call.arguments.get_one::<String>("to").and_then(|job| job.parse().ok()).map(JobId);
    let job = job.or_not_found("`mail show` takes the number of a job.")?;
    let message = call.resolver().get::<InboundMails>().await?.message(job).await?;
    // A reader that went away is no fault.
    let _gone = std::io::stdout().write_all(&message);
    Ok(ExitCode::SUCCESS)
}

async fn receive(call: &Call) -> Result<()> {
    sound(&call.assembly)?;
    let mails = call.resolver().get::<InboundMails>().await?;
    // One byte more than it may have, so that it is seen.
    let most = mails.max_size();
    let enough = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let raw = tokio::task::spawn_blocking(move || {
        let mut raw = Vec::new();
        std::io::stdin().lock().take(enough).read_to_end(&mut raw).map(|_| raw)
    });
    let raw = raw.await??;
    if raw.len() > most {
        return Err(Refusal::TooLarge { size: raw.len(), most }.into_error());
    }
    let recipients = call.arguments.get_many::<String>("to").into_iter().flatten();
    let arrival = recipients.fold(Arrival::new(raw), Arrival::to);
    let arrival = match call.arguments.get_one::<String>("from") {
        Some(from) => arrival.from(from),
        None => arrival,
    };
    mails.take(arrival).await?;
    Ok(())
}

fn sound(assembly: &Arc<Assembly>) -> Result<()> {
    match assembly.findings().has_errors() {
        true => Err(Error::internal(format!("the application does not start:\n{}", assembly.findings()))),
        false => Ok(()),
    }
}

fn exit_of(error: &Error) -> Exit {
    match Refusal::of(error) {
        Some(Refusal::NobodyTakesIt(_)) => Exit::Nobody,
        Some(Refusal::Empty | Refusal::TooLarge { .. }) => Exit::Unfit,
        None => Exit::Later,
    }
}

/// In a line: what a server puts into the mail that it sends back.
#[expect(clippy::print_stderr, reason = "the program ends here, and says why")]
fn say(error: &Error) {
    match Refusal::of(error) {
        Some(_) => eprintln!("{}", error.message()),
        None => eprintln!("mail receive: {}", error.report()),
    }
}
