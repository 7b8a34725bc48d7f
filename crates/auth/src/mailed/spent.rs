//! Links that are good once.

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::{Db, model};

use super::link::invalid;

/// A link that was used. It is kept as long as the link would be good.
#[model(table = "mainstay_spent_links")]
pub(super) struct SpentLink {
    #[field(primary_key, max_length = 64)]
    pub id: String,
    #[field(index)]
    pub expires_at: DateTime<Utc>,
}

/// Uses a link. Of two who come at once, one is refused.
pub(super) async fn spend(id: &str, now: DateTime<Utc>, expires_at: DateTime<Utc>, db: &Db) -> Result<()> {
    SpentLink::filter(|link| link.expires_at.lt(now)).delete(db).await?;
    let spent = NewSpentLink { id: id.to_owned(), expires_at };
    match spent.insert_or_ignore(|link| link.id, db).await? {
        Some(_) => Ok(()),
        None => Err(invalid()),
    }
}
