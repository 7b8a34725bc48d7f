//! The built-in module `resource`.
//!
//! | id | what |
//! |---|---|
//! | `resource.W001` | a model is offered and has no policy: nobody may do anything with it |
//! | `resource.E001` | a model has two policies |
//! | `resource.E002` | rows are to be named in addresses by a field that two of them may share, or that may have no value |
//! | `resource.E003` | the parameters of a path do not say to which row of another model the rows belong |

use mainstay_core::check::Check;
use mainstay_core::{
    Assembly, Contribution, Contributions, CoreContributions, Finding, Findings, Inject, Module,
};
use mainstay_db::meta::{FieldMeta, ModelMeta, RelationMeta};

use crate::policy::{self, Policies};

/// A contribution: a model is offered at a path, by some surface. Made by [`Resource::offered`](crate::Resource::offered).
#[derive(Clone, Debug)]
pub struct Offered {
    pub(crate) meta: &'static ModelMeta,
    pub(crate) path: String,
    /// Fields that rows are named by instead of their keys.
    pub(crate) by: Vec<(&'static ModelMeta, &'static FieldMeta)>,
    pub(crate) within: Option<&'static RelationMeta>,
}

impl Contribution for Offered {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// The module: [`Policies`]. It is installed by the first policy, and by the first model that is offered.
pub fn module() -> Module {
    Module::new("resource")
        .global()
        .import(mainstay_db::module::module())
        .provide(|contributions: Inject<Contributions>| Policies::new((*contributions).clone()))
        .export::<Policies>()
        .check(Check::at_start(check))
}

fn check(assembly: &Assembly, findings: &mut Findings) {
    let policies: Vec<_> = policy::models(&assembly.contributions);
    for offered in assembly.contributions.of::<Offered>() {
        let meta = offered.value.meta;
        if !policies.iter().any(|(known, _)| known.is(meta)) {
            findings.add(
                Finding::warning(
                    "resource.W001",
                    format!(
                        "`{}` has no policy: nobody may do anything at `{}`",
                        meta.name, offered.value.path
                    ),
                )
                .at(meta.place)
                .fix("write one (`impl Policy<…>`), or say `.policy(ReadOnly)` or `.policy(Open)`"),
            );
        }
    }
    for offered in assembly.contributions.of::<Offered>() {
        check_address(offered.value, findings);
    }
    for (index, (meta, module)) in policies.iter().enumerate() {
        if let Some((_, first)) = policies[..index].iter().find(|(known, _)| known.is(meta)) {
            findings.add(
                Finding::error("resource.E001", format!("`{}` has two policies", meta.name))
                    .at(format!("modules `{first}` and `{module}`"))
                    .fix("remove one of them"),
            );
        }
    }
}

fn check_address(offered: &Offered, findings: &mut Findings) {
    let (model, path) = (offered.meta.name, &offered.path);
    for (named, field) in offered.by.iter().filter(|(_, field)| !field.unique || field.nullable) {
        let message = format!("`{}.{}` cannot name one row at `{path}`", named.name, field.name);
        findings.add(
            Finding::error("resource.E002", message)
                .at(named.place)
                .fix("declare it `#[field(unique)]`, without `Option`, or name rows by their key"),
        );
    }
    let parameters = path.matches('{').count();
    let (wrong, fix) = match offered.within {
        None if parameters > 0 => (
            "has a parameter, and nothing says what it is",
            "say `.within(|row| row.relation)`, or leave the parameter out".to_owned(),
        ),
        Some(relation) if parameters != 1 => (
            "has not one parameter for the row that its rows belong to",
            format!("write it as `/…/{{{}}}/…`", relation.name),
        ),
        Some(relation) if (relation.target)().key.len() != crate::within::fields(relation).len() => {
            ("is within a model with another key", "offer it by itself".to_owned())
        }
        _ => return,
    };
    findings.add(
        Finding::error("resource.E003", format!("the path `{path}` of `{model}` {wrong}"))
            .at(offered.meta.place)
            .fix(fix),
    );
}
