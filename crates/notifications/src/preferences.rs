//! What somebody wants to be told, and by which way.

use std::collections::HashMap;

use mainstay_core::Result;
use mainstay_db::{Db, Executor};
use serde::{Deserialize, Serialize};

use crate::notification::{Kind, Via};
use crate::tables::{NewStoredPreference, StoredPreference};

/// Whether somebody is told a kind of notification by a way: a line of the page on which they choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preference {
    /// Which kind: [`Notification::NAME`](crate::Notification::NAME).
    pub name: String,
    /// By which way.
    pub via: Via,
    /// Whether they are.
    pub wanted: bool,
    /// Whether they may change that.
    pub is_optional: bool,
}

/// Those of one recipient, of every kind and way.
pub(crate) async fn of(kinds: &[Kind], whose: &str, db: &Db) -> Result<Vec<Preference>> {
    let stored: Vec<(String, Via, bool)> = StoredPreference::filter(|it| it.recipient.eq(whose))
        .select(|it| (it.name, it.via, it.wanted))
        .all(db)
        .await?;
    let said: HashMap<(&str, Via), bool> =
        stored.iter().map(|(name, via, wanted)| ((name.as_str(), *via), *wanted)).collect();
    let lines = |kind: &Kind| {
        let (kind, said) = (*kind, &said);
        kind.via.iter().map(move |via| Preference {
            name: kind.name.to_owned(),
            via: *via,
            wanted: kind.goes(*via, said.get(&(kind.name, *via)).copied()),
            is_optional: kind.is_optional(*via),
        })
    };
    Ok(kinds.iter().flat_map(lines).collect())
}

/// Writes down what somebody wants.
pub(crate) async fn set((whose, name): (&str, &str), via: Via, wanted: bool, db: &Db) -> Result<()> {
    let new = NewStoredPreference { recipient: whose.to_owned(), name: name.to_owned(), via, wanted };
    new.upsert(|it| (it.recipient, it.name, it.via), db).await?;
    Ok(())
}

/// Deletes what somebody wants.
pub(crate) async fn forget(whose: &str, executor: &impl Executor) -> Result<()> {
    StoredPreference::filter(|it| it.recipient.eq(whose)).delete(executor).await?;
    Ok(())
}
