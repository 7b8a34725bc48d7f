//! The built-in module `resource`.
//!
//! | id | what |
//! |---|---|
//! | `resource.W001` | a model is offered and has no policy: nobody may do anything with it |
//! | `resource.E001` | a model has two policies |

use mainstay_core::check::Check;
use mainstay_core::{
    Assembly, Contribution, Contributions, CoreContributions, Finding, Findings, Inject, Module,
};
use mainstay_db::meta::ModelMeta;

use crate::policy::{self, Policies};

/// A contribution: a model is offered at an address, by some surface.
#[derive(Clone, Debug)]
pub struct Offered {
    meta: &'static ModelMeta,
    address: String,
}

impl Offered {
    /// The rows of this model, at this address.
    pub fn new(meta: &'static ModelMeta, address: &str) -> Self {
        Self { meta, address: address.to_owned() }
    }
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
                        meta.name, offered.value.address
                    ),
                )
                .at(meta.place)
                .fix("write one (`impl Policy<…>`), or say `.policy(ReadOnly)` or `.policy(Open)`"),
            );
        }
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
