//! What can be wrong with models, seen in their metadata.
//!
//! | Id | What |
//! |---|---|
//! | `db.E001` | a relation leads to a model that no module has |
//! | `db.E002` | a relation has no counterpart on the other side, or several |
//! | `db.E003` | two models have one table |
//! | `db.E004` | two fields of a model have one column |
//! | `db.E010` | a table does not fit its model (found when the database is opened) |
//! | `db.W010` | a table was made by an older form of its model (found when the database is opened) |
//! | `db.E011` | a table is missing, and may not be made (found when the database is opened) |
//! | `db.E012` | the models have changed since the last migration |
//! | `db.E013` | a migration has not been applied (when the database is opened, and by `check --deploy`) |
//! | `db.E014` | a migration has stopped half-way (the same) |
//! | `db.E015` | migration files cannot be read, or do not come after one another |
//! | `db.E016` | a migration runs a function that nobody has named |
//! | `db.E017` | a migration was changed after it was applied (when the database is opened, and by `check --deploy`) |
//! | `db.E018` | `check --deploy` cannot ask the database |
//! | `db.W013` | the database has a migration that the program does not |

use mainstay_core::assembly::Assembly;
use mainstay_core::{Finding, Findings};

use super::models;
use crate::meta::{ModelMeta, RelationKind, RelationMeta};

pub(super) fn check(assembly: &Assembly, findings: &mut Findings) {
    findings.extend(look_at(&models::all(&assembly.contributions)));
}

fn look_at(models: &[&'static ModelMeta]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, model) in models.iter().enumerate() {
        if let Some(other) = models[..position].iter().find(|other| other.table == model.table) {
            findings.push(
                Finding::error(
                    "db.E003",
                    format!("`{}` and `{}` have the same table, `{}`", other.name, model.name, model.table),
                )
                .at(model.place)
                .fix(format!("give one another table: #[model(table = \"{}_2\")]", model.table)),
            );
        }
        for (position, field) in model.fields.iter().enumerate() {
            if let Some(other) = model.fields[..position].iter().find(|other| other.column == field.column) {
                let (one, two) = (other.name, field.name);
                let message =
                    format!("`{}.{one}` and `{two}` have the same column, `{}`", model.name, field.column);
                findings.push(
                    Finding::error("db.E004", message)
                        .at(model.place)
                        .fix(format!("name one of them: #[field(column = \"{two}_2\")]")),
                );
            }
        }
        for relation in model.relations {
            findings.extend(relation_to_nowhere(relation, models));
        }
    }
    findings
}

fn relation_to_nowhere(relation: &RelationMeta, models: &[&'static ModelMeta]) -> Option<Finding> {
    let owner = (relation.owner)();
    let mut needed = vec![(relation.target)()];
    if let RelationKind::ManyToMany { through, .. } = relation.kind {
        needed.push(through());
    }
    if let Some(missing) = needed.into_iter().find(|needed| !models.iter().any(|model| model.is(needed))) {
        let message =
            format!("`{}.{}` leads to `{}`, which no module has", owner.name, relation.name, missing.name);
        return Some(
            Finding::error("db.E001", message)
                .at(owner.place)
                .fix(format!("add it to a module: .models(models![{}])", missing.name)),
        );
    }
    let fault = relation.link().err()?;
    Some(Finding::error("db.E002", fault.to_string()).at(owner.place))
}
