//! Somebody has published an article.

use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::HasPublished;
use crate::articles::Article;
use crate::users::User;

/// So many followers are told in one transaction.
const STEP: u64 = 50;

/// Tells the followers of its author of a new article.
#[derive(Job, Serialize, Deserialize)]
#[job(unique)]
pub struct TellFollowers {
    /// The article.
    pub article: i64,
}

impl TellFollowers {
    async fn run(self, job: JobContext, notifications: Inject<Notifications>, db: Inject<Db>) -> Result<()> {
        let article = Article::filter(|article| article.id.eq(self.article)).with(|article| article.author);
        let Some(article) = article.first(&db).await? else {
            return Err(mainstay::jobs::discard("the article is gone"));
        };
        let author = article.author.get()?;
        let told = HasPublished {
            author: author.username.clone(),
            title: article.title.clone(),
            description: article.description.clone(),
            slug: article.slug.clone(),
        };
        let mut after = job.cursor::<i64>()?.unwrap_or(0);
        loop {
            let followers = User::filter(|user| user.follows.any(|followed| followed.id.eq(author.id)))
                .filter(|user| user.id.gt(after));
            let followers = followers.order_by(|user| user.id).limit(STEP).all(&db).await?;
            let Some(last) = followers.last().map(|user| user.id) else { return Ok(()) };
            // What they are told, and how far it has come: a worker that is killed here tells nobody twice.
            job.checkpoint_with(&last, async |tx| notifications.send_all(&followers, &told, tx).await)
                .await?;
            after = last;
        }
    }
}
