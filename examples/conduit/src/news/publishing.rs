//! Somebody has published an article.

use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::mail_to;
use crate::articles::Article;
use crate::users::User;

/// So many followers are told in one transaction.
const STEP: u64 = 200;

/// Tells the followers of its author of a new article.
#[derive(Job, Serialize, Deserialize)]
#[job(unique)]
pub struct TellFollowers {
    /// The article.
    pub article: i64,
}

impl TellFollowers {
    async fn run(self, job: JobContext, mailer: Inject<Mailer>, db: Inject<Db>) -> Result<()> {
        let article = Article::filter(|article| article.id.eq(self.article)).with(|article| article.author);
        let Some(article) = article.first(&db).await? else {
            return Err(mainstay::jobs::discard("the article is gone"));
        };
        let author = article.author.get()?;
        let mut after = job.cursor::<i64>()?.unwrap_or(0);
        loop {
            let followers = User::filter(|user| user.follows.any(|followed| followed.id.eq(author.id)))
                .filter(|user| user.wants_mails.eq(true) & user.id.gt(after));
            let followers = followers.order_by(|user| user.id).limit(STEP).all(&db).await?;
            let Some(last) = followers.last().map(|user| user.id) else { return Ok(()) };
            let write = |user: &User| {
                let context = context! {
                    author => &author.username,
                    title => &article.title,
                    description => &article.description,
                    slug => &article.slug,
                };
                mailer.later(mail_to(user, "mails/published", context))
            };
            let mails = followers.iter().map(write).collect::<Result<Vec<_>>>()?;
            // The mails, and how far it has come: a worker that is killed here tells nobody twice.
            job.checkpoint_with(&last, async |tx| {
                for mail in mails {
                    mail.enqueue(tx).await?;
                }
                Ok(())
            })
            .await?;
            after = last;
        }
    }
}
