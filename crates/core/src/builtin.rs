//! What every application has: the core's own module.

use crate::command;
use crate::lifecycle::AppConfig;
use crate::module::{CoreContributions, Module};

/// The name of the core's module.
pub(crate) const NAME: &str = "core";

/// The commands that need nothing else.
pub(crate) fn module() -> Module {
    Module::new(NAME).global().config::<AppConfig>().command(command::check()).command(command::config())
}
