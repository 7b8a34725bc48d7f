//! Somebody follows somebody.

use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::mail_to;
use crate::users::User;

/// Somebody has begun to follow somebody.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "user.followed", key = author)]
pub struct Followed {
    /// Whom.
    pub author: i64,
    /// Who.
    pub follower: i64,
}

/// Writes a mail to whom is followed, once, however often the event is delivered.
pub(super) async fn tell(delivery: Delivery<Followed>, mailer: Inject<Mailer>, db: Inject<Db>) -> Result<()> {
    let find = async |id: i64| User::filter(|user| user.id.eq(id)).first(&db).await;
    let (author, follower) = (find(delivery.author).await?, find(delivery.follower).await?);
    // Accounts may be gone since.
    let mail = match (author.filter(|author| author.wants_mails), follower) {
        (Some(author), Some(follower)) => {
            let mail = mail_to(&author, "mails/followed", context! { follower => follower.username });
            Some(mailer.later(mail)?)
        }
        _ => None,
    };
    delivery
        .complete(async |tx| {
            if let Some(mail) = mail {
                mail.enqueue(tx).await?;
            }
            Ok(())
        })
        .await
}
