//! The program: command line, logging, the command, the exit code.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches};

use super::signal::Signals;
use super::{Services, Started};
use crate::app::App;
use crate::assembly::{Assembly, Parts};
use crate::command::{Call, Command};
use crate::config::Sources;
use crate::logging::{self, LogConfig};
use crate::module::CoreContributions;
use crate::service::Shutdown;
use crate::{Error, Result};

/// Runs an application as a program: what `#[mainstay::main]` calls. Package name and version are the application's
/// unless it has named itself.
pub fn run(app: App, package: &'static str, version: &'static str) -> ExitCode {
    let began = Instant::now();
    let app = app.named_by_package(package, version).command(serve(began));
    let parts = Parts::of(app);
    let commands: Vec<Command> =
        parts.contributions.of::<Command>().map(|found| found.value.clone()).collect();
    let matches = match command_line(&parts, &commands).try_get_matches() {
        Ok(matches) => matches,
        // Help and version arrive here too; clap knows which stream and which code.
        Err(answer) => answer.exit(),
    };
    let profile = matches.get_one::<String>("profile").map(String::as_str);
    let assembly = parts.assemble(sources(&matches, package), profile);
    let (name, arguments) = matches.subcommand().unwrap_or((SERVE, &matches));
    let Some(command) = commands.into_iter().find(|command| command.name() == name) else {
        return ExitCode::FAILURE;
    };
    if !command.accepts(&assembly) {
        return refuse(&assembly);
    }
    if let Ok(log) = assembly.config.section::<LogConfig>() {
        logging::init(&log, &assembly.profile);
    }
    let arguments = if name == SERVE { ArgMatches::default() } else { arguments.clone() };
    execute(&command, Call { arguments, assembly })
}

const SERVE: &str = "serve";

fn command_line(parts: &Parts, commands: &[Command]) -> clap::Command {
    let profile = Arg::new("profile").long("profile").global(true).value_name("NAME");
    let set = Arg::new("set").long("set").global(true).value_name("KEY=VALUE").action(ArgAction::Append);
    clap::Command::new(parts.info.name.to_string())
        .version(parts.info.version.to_string())
        .arg(profile.help("Where it runs: development, test, production, or a name of your own"))
        .arg(set.value_parser(setting).help("Sets a configuration value, above every other source"))
        .subcommands(commands.iter().map(Command::to_clap))
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as http.port=9000")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn sources(matches: &ArgMatches, package: &str) -> Sources {
    let given = matches.get_many::<(String, String)>("set").into_iter().flatten().cloned();
    Sources::of_process().of_package(package).arguments(given)
}

/// Says everything that is wrong, and how to mend it.
#[expect(clippy::print_stderr, reason = "the program ends here, and says why")]
fn refuse(assembly: &Assembly) -> ExitCode {
    let findings = assembly.findings();
    eprintln!("{} does not start ({}):\n\n{findings}", assembly.info.name, findings.summary());
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "the program ends here, and says why")]
fn execute(command: &Command, call: Call) -> ExitCode {
    for warning in call.assembly.findings().iter().filter(|_| command.name() == SERVE) {
        tracing::warn!(id = warning.id, fix = warning.fix.as_deref(), "{}", warning.message);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(command.run(call)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {}", command.name(), error.report());
            ExitCode::FAILURE
        }
    };
    // A blocking task that never ends must not keep the process alive after the drain.
    runtime.shutdown_background();
    code
}

/// `serve`: all services, until a signal comes.
fn serve(began: Instant) -> Command {
    Command::new(SERVE, "Serves the application (what happens without a command).", move |call| async move {
        run_until_signal(&call.assembly, Services::All, began).await
    })
}

/// Starts these services, waits for a signal, and drains: what `serve` does with all of them. `began` is when the program did.
///
/// # Errors
/// When a part does not start, or a service fails more often than it may.
pub async fn run_until_signal(
    assembly: &Arc<Assembly>,
    services: Services,
    began: Instant,
) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let mut started = match start(assembly, services, &mut signals).await? {
        Ok(started) => started,
        Err(code) => return Ok(code),
    };
    let took = began.elapsed();
    tracing::info!(
        profile = %assembly.profile,
        took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "{} {} is ready", assembly.info.name, assembly.info.version
    );
    tokio::select! {
        signal = signals.next() => {
            tracing::info!(%signal, "draining");
            tokio::select! {
                report = started.stop() => Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
                second = signals.next() => Ok(ExitCode::from(second.exit_code())),
            }
        }
        error = started.failed() => {
            started.stop().await;
            Err(error)
        }
    }
}

/// Starts, unless a signal comes first: then it stops what has started, and says how the program ends.
async fn start(
    assembly: &Arc<Assembly>,
    services: Services,
    signals: &mut Signals,
) -> Result<Result<Started, ExitCode>> {
    let (ask, asked) = Shutdown::channel();
    let mut starting = pin!(assembly.start_unless(services, &asked));
    loop {
        tokio::select! {
            started = &mut starting => return Ok(started.map_err(all)?.ok_or(ExitCode::SUCCESS)),
            signal = signals.next() => {
                if asked.is_requested() {
                    return Ok(Err(ExitCode::from(signal.exit_code())));
                }
                tracing::info!(%signal, "stopping before it was ready");
                ask.request(None);
            }
        }
    }
}

/// Several failures as one, each on a line of its own.
fn all(mut errors: Vec<Error>) -> Error {
    match errors.len() {
        1 => errors.remove(0),
        count => {
            let lines: Vec<_> = errors.iter().map(|error| format!("\n  {}", error.report())).collect();
            Error::internal(format!("{count} parts failed to start:{}", lines.concat()))
        }
    }
}
