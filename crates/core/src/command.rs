//! Commands: the subcommands of the application's own binary.
//!
//! `serve` (the default) is written in [`lifecycle`](crate::lifecycle); `check` and `config show` here; every other
//! crate contributes its own.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Result;
use crate::assembly::Assembly;
use crate::check::{Inspection, Phase};
use crate::container::Resolver;
use crate::contribution::Contribution;

type Run = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<ExitCode>> + Send + Sync>;

/// A subcommand of the application's own binary.
///
/// ```
/// use std::process::ExitCode;
/// use mainstay_core::command::{Call, Command};
/// use mainstay_core::{App, CoreContributions};
///
/// let greet = Command::new("greet", "Says hello.", |call: Call| async move {
///     call.print(format!("Hello from {}", call.assembly.info.name));
///     Ok(ExitCode::SUCCESS)
/// });
/// let app = App::new().command(greet);
/// ```
#[derive(Clone)]
pub struct Command {
    name: &'static str,
    about: &'static str,
    arguments: Vec<Arg>,
    setup: Setup,
    run: Run,
}

/// What a command asks of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// It runs only if nothing is wrong.
    Sound,
    /// It runs although something is wrong: it looks at the set-up, and does not act on it.
    Any,
}

/// One call of a command.
pub struct Call {
    /// Its arguments.
    pub arguments: ArgMatches,
    /// The application.
    pub assembly: Arc<Assembly>,
}

impl Call {
    /// The container as the application sees it. What is taken from it is built then.
    pub fn resolver(&self) -> Resolver {
        self.assembly.resolver()
    }

    /// Writes a line, or several, to standard output. What could steer a terminal is written as `\u001b`, which is the same in JSON: much of
    /// what is shown was written by strangers.
    pub fn print(&self, line: impl std::fmt::Display) {
        // A reader that has seen enough (`| head`) and went away is no fault; `println!` would panic.
        let _gone = writeln!(std::io::stdout(), "{}", harmless(&line.to_string()));
    }
}

fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends_a_line = letter == '\r' && letters.peek() == Some(&'\n');
        if letter.is_control() && !matches!(letter, '\n' | '\t') && !ends_a_line {
            // Writing to a `String` cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

impl Command {
    /// A command.
    pub fn new<Fut>(
        name: &'static str,
        about: &'static str,
        run: impl Fn(Call) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output = Result<ExitCode>> + Send + 'static,
    {
        let run: Run = Arc::new(move |call| run(call).boxed());
        Self { name, about, arguments: Vec::new(), setup: Setup::Sound, run }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: Arg) -> Self {
        self.arguments.push(argument);
        self
    }

    /// Says what it asks of the set-up.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it may run on this application.
    pub(crate) fn accepts(&self, assembly: &Assembly) -> bool {
        self.setup == Setup::Any || !assembly.findings().has_errors()
    }

    pub(crate) fn to_clap(&self) -> clap::Command {
        clap::Command::new(self.name).about(self.about).args(&self.arguments)
    }

    pub(crate) fn run(&self, call: Call) -> BoxFuture<'static, Result<ExitCode>> {
        (self.run)(call)
    }
}

impl Contribution for Command {}

/// `check [--deploy]`
pub(crate) fn check() -> Command {
    let deploy = Arg::new("deploy")
        .long("deploy")
        .action(ArgAction::SetTrue)
        .help("Also look for what must not be so where real users are");
    Command::new("check", "Says what is wrong with the set-up.", |call| async move {
        let mut findings = call.assembly.findings().clone();
        if call.arguments.get_flag("deploy") {
            findings.extend(call.assembly.run_checks(Phase::Deploy));
            for inspection in call.assembly.contributions.of::<Inspection>() {
                findings.extend(inspection.value.look(Arc::clone(&call.assembly)).await);
            }
        }
        if findings.is_empty() {
            call.print("Nothing is wrong.");
            return Ok(ExitCode::SUCCESS);
        }
        call.print(&findings);
        call.print(format!("\n{}", findings.summary()));
        Ok(if findings.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
    .argument(deploy)
    .setup(Setup::Any)
}

/// `config show`
pub(crate) fn config() -> Command {
    let show = Arg::new("action").value_parser(["show"]).default_value("show").help("What to do");
    Command::new("config", "Shows every setting with its origin.", |call| async move {
        let home = call.assembly.config.home();
        let home = std::env::current_dir().map_or_else(|_| home.to_owned(), |here| here.join(home));
        call.print(format!("# home folder: {}", home.display()));
        for setting in call.assembly.config.settings() {
            call.print(setting);
        }
        if call.assembly.findings().has_errors() {
            call.print(format!("\n{}", call.assembly.findings()));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    })
    .argument(show)
    .setup(Setup::Any)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_could_steer_a_terminal_is_written_out_and_json_stays_what_it_was() {
        assert_eq!(harmless("a\tb\r\nc é \u{1f600}"), "a\tb\r\nc é \u{1f600}");
        assert_eq!(harmless("\u{1b}[2J\u{7f}\u{85}\rx"), r"\u001b[2J\u007f\u0085\u000dx");
        let said = serde_json::json!({ "agent": "x\u{85}\u{7f}\u{9b}" });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless(&said.to_string())).unwrap(), said);
    }
}
