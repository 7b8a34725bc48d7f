//! An out-of-tree crate adds a kind of contribution, and all that belongs to it.

use std::sync::Arc;

use extension::{Flags, FlagsExt};
use mainstay_core::command::Command;
use mainstay_core::config::Sources;
use mainstay_core::{App, Assembly, CoreContributions, Inject, Module, Profile};

struct Editor(Inject<Flags>);

fn app() -> App {
    let editing = Module::new("editing").flag("new-editor", false).provide(Editor);
    App::new().profile(Profile::Test).flag("dark-mode", true).module(editing)
}

fn assemble(app: App, variables: &[(&str, &str)]) -> Arc<Assembly> {
    let sources =
        variables.iter().fold(Sources::isolated(), |sources, (name, value)| sources.variable(*name, *value));
    app.assemble(sources)
}

#[tokio::test]
async fn collects_flags_from_every_module_and_reads_its_own_section() {
    let assembly = assemble(app(), &[("MAINSTAY__FLAGS__SWITCHED", "{ new-editor = true }")]);
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
    let editing =
        assembly.contributions.modules().iter().find(|module| module.name == "editing").expect("it is there");
    let editor = assembly.resolver_of(editing).get::<Editor>().await.expect("it is provided");
    assert!(editor.0.is_on("new-editor"));
    assert!(editor.0.is_on("dark-mode"));
    assert!(!editor.0.is_on("unknown"));
}

#[test]
fn is_installed_by_the_first_flag_and_not_before() {
    let names = |app: App| {
        let assembly = assemble(app.profile(Profile::Test), &[]);
        assembly.contributions.modules().iter().map(|module| module.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(App::new()), ["core", "app"]);
    assert_eq!(names(App::new().flag("x", true)), ["flags", "core", "app"]);
}

#[test]
fn adds_its_command_and_its_check() {
    let assembly = assemble(app().flag("dark-mode", false), &[]);
    assert!(assembly.contributions.of::<Command>().any(|command| command.value.name() == "flags"));
    let findings = assembly.findings().to_string();
    assert!(findings.contains("flags.E001") && findings.contains("`dark-mode`"), "{findings}");
}

#[test]
fn has_its_keys_checked_like_any_other_section() {
    let assembly = assemble(app(), &[("MAINSTAY__FLAGS__SWITCHD", "{}")]);
    let findings = assembly.findings().to_string();
    assert!(findings.contains("config.E004") && findings.contains("switched"), "{findings}");
}
