//! What can be wrong with models, seen in their metadata.
//!
//! | Id | What |
//! |---|---|
//! | `db.E001` | a relation leads to a model that no module has |
//! | `db.E002` | a relation has no counterpart on the other side, or several |
//! | `db.E003` | two models have one table |
//! | `db.E004` | two fields of a model have one column |
//! | `db.W009` | a relation to one row leads to a field that several rows may share |
//! | `db.E010` | a table does not fit its model (found when the database is opened) |
//! | `db.W010` | a table was made by an older form of its model (found when the database is opened) |
//! | `db.E011` | a table is missing, and may not be made (found when the database is opened) |
//! | `db.E020` | the engine cannot index a text of any length |
//! | `db.E021` | the engine has no index of some rows, of an expression, or of another kind |
//! | `db.E022` | a name is longer than the engine takes |
//! | `db.E023` | an exact number has more digits than the engine holds |
//! | `db.E024` | the engine cannot index a column of this type |
//! | `db.E025` | two indexes or checks have one name |
//! | `db.E026` | the engine has no arrays |
//! | `db.E027` | the engine cannot compute a field from that |
//! | `db.E028` | the engine cannot search a model as it says |
//! | `db.W020` | the engine does not keep how many digits an exact number was written with |
//! | `db.E012` | the models have changed since the last migration |
//! | `db.E013` | a migration has not been applied (when the database is opened, and by `check --deploy`) |
//! | `db.E014` | a migration has stopped half-way (the same) |
//! | `db.E015` | migration files cannot be read, or do not come after one another |
//! | `db.E016` | a migration runs a function that nobody has named |
//! | `db.E017` | a migration was changed after it was applied (when the database is opened, and by `check --deploy`) |
//! | `db.E018` | `check --deploy` cannot ask the database |
//! | `db.W030` | replicas are configured, and nothing reads from them |
//! | `db.W031` | the connection to a database elsewhere need not be encrypted (by `check --deploy`) |
//! | `db.E031` | a model has encrypted fields, and the keys would be others after a restart |
//! | `db.E030` | a replica is none, or cannot be asked (by `check --deploy`) |
//! | `db.W013` | the database has a migration that the program does not |

use mainstay_core::assembly::Assembly;
use mainstay_core::keys::{self, Keys, KeysConfig};
use mainstay_core::{Finding, Findings};

use super::{DatabaseConfig, models};
use crate::engine;
use crate::meta::{Link, ModelMeta, RelationKind, RelationMeta};
use crate::schema;

pub(super) fn check(assembly: &Assembly, findings: &mut Findings) {
    let models = models::all(&assembly.contributions);
    findings.extend(look_at(&models));
    if let Some(model) = models.iter().find(|model| model.has_encrypted) {
        look_at_keys(model, assembly, findings);
    }
    // A configuration that cannot be read has findings of its own.
    let config = assembly.config.section::<DatabaseConfig>().ok();
    if let Some(dialect) = config.and_then(|config| engine::dialect(&config.url)) {
        findings.extend(schema::unsupported(&models, dialect));
    }
}

/// What seals encrypted fields has to be there, and to stay.
fn look_at_keys(model: &ModelMeta, assembly: &Assembly, findings: &mut Findings) {
    // The database takes the keys only where it needs them, which the container cannot tell.
    if !assembly.needs::<Keys>() {
        keys::check_needed(assembly, findings);
    }
    let has_secret = assembly.config.section::<KeysConfig>().is_ok_and(|config| config.secret.is_some());
    // Production does not start without, and a test keeps nothing.
    if has_secret || !assembly.profile.is_development() {
        return;
    }
    let message = format!(
        "`{}` has encrypted fields, and `keys.secret` is not set: after a restart nobody could read them",
        model.name
    );
    let fix = "make one with `openssl rand -base64 48`, and set `keys.secret` to it, in `.env` say: MAINSTAY__KEYS__SECRET";
    findings.add(Finding::error("db.E031", message).at(model.place).fix(fix));
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
                findings.push(Finding::error("db.E004", message).at(model.place).fix(other_column(two)));
            }
        }
        for relation in model.relations {
            findings.extend(relation_to_nowhere(relation, models));
            findings.extend(relation_to_several(relation));
        }
    }
    findings
}

fn other_column(field: &str) -> String {
    match field.split_once('.') {
        Some((part, _)) => {
            format!(
                "let the columns of `{part}` begin with something else: #[embedded(prefix = \"{part}_\")]"
            )
        }
        None => format!("name one of them: #[field(column = \"{field}_2\")]"),
    }
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

/// A relation to one row, where nothing keeps it from being several.
fn relation_to_several(relation: &RelationMeta) -> Option<Finding> {
    let RelationKind::HasOne { .. } = relation.kind else { return None };
    let (owner, target) = ((relation.owner)(), (relation.target)());
    let Ok(Link::Many { columns, .. }) = relation.link() else { return None };
    let fields: Vec<_> = columns.iter().filter_map(|column| target.column(column)).collect();
    let positions: Vec<usize> = fields.iter().map(|(position, _)| *position).collect();
    let is_same = |other: &[usize]| {
        other.len() == positions.len() && other.iter().all(|position| positions.contains(position))
    };
    let unique = matches!(fields.as_slice(), [(_, only)] if only.unique)
        || is_same(target.key)
        || target.indexes.iter().any(|index| index.unique && is_same(index.fields));
    let message = format!(
        "`{}.{}` is one row, and nothing keeps several `{}` from belonging to one `{}`",
        owner.name, relation.name, target.name, owner.name
    );
    let names: Vec<&str> = fields.iter().map(|(_, field)| field.name).collect();
    let fix = match names.as_slice() {
        [only] => format!("put `#[field(unique)]` above `{}.{only}`", target.name),
        names => format!("put `#[unique({})]` above `{}`", names.join(", "), target.name),
    };
    (!unique).then(|| Finding::warning("db.W009", message).at(owner.place).fix(fix))
}
