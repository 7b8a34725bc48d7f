//! Somebody follows somebody.

use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::FollowsYou;
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

/// Tells whom is followed, once, however often the event is delivered.
pub(super) async fn tell(
    delivery: Delivery<Followed>,
    notifications: Inject<Notifications>,
    db: Inject<Db>,
) -> Result<()> {
    let find = async |id: i64| User::filter(|user| user.id.eq(id)).first(&db).await;
    let (author, follower) = (find(delivery.author).await?, find(delivery.follower).await?);
    // Accounts may be gone since.
    let (Some(author), Some(follower)) = (author, follower) else { return Ok(()) };
    let told = FollowsYou { follower: follower.username };
    delivery.complete(async |tx| notifications.send(&author, &told, tx).await).await
}
