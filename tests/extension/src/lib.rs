//! Feature flags, as a crate out of tree would add them.
//!
//! It uses nothing but the public contract: a kind of contribution with an extension trait, a module that is installed
//! by the first flag, a configuration section, a provider, a check and a command.
//!
//! ```
//! use extension::FlagsExt;
//! use mainstay_core::App;
//!
//! let app = App::new().flag("new-editor", false).flag("dark-mode", true);
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use mainstay_core::check::Check;
use mainstay_core::command::{Call, Command};
use mainstay_core::config::Section;
use mainstay_core::{
    Assembly, Contribute, Contribution, Contributions, CoreContributions, Finding, Findings, Inject, Module,
};
use serde::{Deserialize, Serialize};

/// A flag and what it is unless the configuration says otherwise.
pub struct Flag {
    name: &'static str,
    default: bool,
}

impl Contribution for Flag {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Adds flags to an application or a module.
pub trait FlagsExt: Contribute {
    /// Adds a flag.
    #[must_use]
    fn flag(self, name: &'static str, default: bool) -> Self {
        self.contribute(Flag { name, default })
    }
}

impl<C: Contribute> FlagsExt for C {}

/// The section `flags`: which flags are switched.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FlagsConfig {
    /// By name.
    pub switched: BTreeMap<String, bool>,
}

impl Section for FlagsConfig {
    const NAME: &'static str = "flags";
}

/// Every flag and its state. Injectable.
#[derive(Debug)]
pub struct Flags(BTreeMap<&'static str, bool>);

impl Flags {
    fn new(contributions: Inject<Contributions>, config: Inject<FlagsConfig>) -> Self {
        let state = |flag: &Flag| config.switched.get(flag.name).copied().unwrap_or(flag.default);
        Self(contributions.of::<Flag>().map(|flag| (flag.value.name, state(flag.value))).collect())
    }

    /// Whether a flag is on. One that nobody contributed is off.
    pub fn is_on(&self, name: &str) -> bool {
        self.0.get(name).copied().unwrap_or_default()
    }
}

fn module() -> Module {
    Module::new("flags")
        .global()
        .config::<FlagsConfig>()
        .provide(Flags::new)
        .export::<Flags>()
        .check(Check::at_start(find_duplicates))
        .command(Command::new("flags", "Lists every flag and its state.", list))
}

fn find_duplicates(assembly: &Assembly, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for flag in assembly.contributions.of::<Flag>().filter(|flag| !seen.insert(flag.value.name)) {
        findings.add(
            Finding::error("flags.E001", format!("the flag `{}` is contributed twice", flag.value.name))
                .at(format!("module `{}`", flag.module.name))
                .fix("remove one of them"),
        );
    }
}

async fn list(call: Call) -> mainstay_core::Result<ExitCode> {
    for (name, state) in &call.resolver().get::<Flags>().await?.0 {
        call.print(format!("{name} {}", if *state { "on" } else { "off" }));
    }
    Ok(ExitCode::SUCCESS)
}
