//! Databases with the tables of an application, to be copied.
//!
//! PostgreSQL copies a database in less time than it takes to make a few tables, so each set of tables is made once on a
//! server, in a template that later tests and later processes copy. A template is called
//! `mainstay_template_<time>_<tables>`: what it holds is told by the hash of the statements that make it, so that another
//! version of the models has another one. A week later it is removed, and made again when it is needed.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay_core::{Contributions, Result};
use tokio::sync::OnceCell;

use super::{Scratch, name, server};
use crate::db::{Db, Settings};
use crate::driver::Dialect;
use crate::error::Border;
use crate::meta::ModelMeta;
use crate::migrate::Migrations;
use crate::module::all_models;
use crate::schema::{create_table, create_tables, in_order};

pub(super) const PREFIX: &str = "mainstay_template_";

/// How long a template is used.
const LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Scratch {
    /// Makes the database for an application: where that is the faster way, with the tables of its models.
    pub async fn make_for(&mut self, app: &Contributions) -> Result<()> {
        let models = all_models(app);
        // Migrations begin with an empty database, and are applied by the application itself.
        let migrated = app.of::<Migrations>().next().is_some();
        if models.is_empty() || migrated || !self.url.starts_with("postgres") {
            return self.make(None).await;
        }
        let Some(server) = self.place.as_ref().map(|(server, _)| server.clone()) else { return Ok(()) };
        let hash = hash(&models)?;
        let cell = cell(&server, hash);
        let template = cell.get_or_try_init(|| find_or_make(&server, hash, &models)).await?.clone();
        self.make(Some(&template)).await
    }
}

/// What the template of these tables is called, once somebody has asked.
fn cell(server: &str, hash: u64) -> Arc<OnceCell<String>> {
    type Known = HashMap<(String, u64), Arc<OnceCell<String>>>;
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.get_or_insert_default().entry((server.to_owned(), hash)).or_default())
}

async fn find_or_make(server: &str, hash: u64, models: &[&'static ModelMeta]) -> Result<String> {
    let there = server::templates(server).await.at_border()?;
    if let Some(found) = there.into_iter().find(|name| parse(name).is_some_and(|(_, tables)| tables == hash))
    {
        return Ok(found);
    }
    // Nobody may see it before it is whole: it gets its name at the end. Two processes at once make two, which is no harm.
    let mut scratch = Scratch::new(server).await?;
    let db = Db::over(scratch.driver().await?, Settings::default());
    let made = create_tables(models, &db).await;
    db.close().await;
    made?;
    let template = format!("{PREFIX}{:x}_{hash:016x}", name::now());
    if let Some((_, name)) = &scratch.place {
        server::rename(server, name, &template).await.at_border()?;
    }
    scratch.place = None;
    Ok(template)
}

/// What tells sets of tables apart. It must be the same in another process, but not for ever.
fn hash(models: &[&'static ModelMeta]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for model in in_order(models) {
        create_table(model, Dialect::Postgres).at_border()?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// When a template was made, and the hash of its tables.
fn parse(name: &str) -> Option<(u64, u64)> {
    let (made, hash) = name.strip_prefix(PREFIX)?.split_once('_')?;
    Some((u64::from_str_radix(made, 16).ok()?, u64::from_str_radix(hash, 16).ok()?))
}

/// Whether a database is a template that nobody starts to use any more.
pub(super) fn is_old(name: &str) -> bool {
    parse(name).is_some_and(|(made, _)| name::now().saturating_sub(made) > LIFE.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_old_after_a_week() {
        let made_before = |age: u64| format!("{PREFIX}{:x}_{:016x}", name::now() - age, 7);
        assert_eq!(parse(&made_before(0)).map(|(_, hash)| hash), Some(7));
        assert!(!is_old(&made_before(LIFE.as_secs() - 60)));
        assert!(is_old(&made_before(LIFE.as_secs() + 60)));
        assert!(!is_old("mainstay_template") && !is_old("template1"));
    }
}
