//! What was published in a week by those whom somebody follows.

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use super::told::mail;
use crate::articles::Article;
use crate::users::User;

const WEEK: TimeDelta = TimeDelta::days(7);
/// So many articles are in it at most, the latest of them.
const MOST: u64 = 10;
/// So many readers are looked after in one transaction.
const STEP: u64 = 500;

/// Enqueues a digest for everybody who may have something to read.
#[derive(Job, Serialize, Deserialize)]
#[job(unique)]
pub struct Digests;

impl Digests {
    async fn run(self, job: JobContext, db: Inject<Db>) -> Result<()> {
        let until = job.job().scheduled_for.unwrap_or(job.job().created_at);
        let mut after = job.cursor::<i64>()?.unwrap_or(0);
        loop {
            let readers = User::filter(|user| user.wants_mails.eq(true) & user.id.gt(after))
                .filter(|user| user.follows.any(|author| author.id.gt(0)));
            let readers = readers.order_by(|user| user.id).limit(STEP).select(|user| user.id);
            let readers = readers.all(&db).await?;
            let Some(last) = readers.last().copied() else { return Ok(()) };
            job.checkpoint_with(&last, async |tx| {
                for reader in readers {
                    Digest { reader, until }.enqueue(tx).await?;
                }
                Ok(())
            })
            .await?;
            after = last;
        }
    }
}

/// Writes the digest of one reader.
#[derive(Job, Serialize, Deserialize)]
#[job(unique)]
pub struct Digest {
    /// Whose.
    pub reader: i64,
    /// The end of the week.
    pub until: DateTime<Utc>,
}

/// An article in it.
#[derive(Debug, FromRow, Serialize)]
struct Entry {
    slug: String,
    title: String,
    author: String,
}

impl Digest {
    async fn run(self, job: JobContext, mailer: Inject<Mailer>, db: Inject<Db>) -> Result<()> {
        let Some(reader) = User::filter(|user| user.id.eq(self.reader)).first(&db).await? else {
            return Err(mainstay::jobs::discard("the account is gone"));
        };
        let (from, until) = (self.until - WEEK, self.until);
        let articles = Article::filter(|article| article.created_at.ge(from) & article.created_at.lt(until))
            .filter(|article| article.author.is(|author| author.followers.any(|user| user.id.eq(reader.id))))
            .order_by(|article| article.created_at.desc())
            .limit(MOST)
            .select(|article| EntryColumns {
                slug: article.slug,
                title: article.title,
                author: article.author.select(|author| author.username),
            })
            .all(&db)
            .await?;
        if articles.is_empty() {
            return Ok(());
        }
        let Some(mail) = mail(&reader.recipient(), "mails/digest", context! { articles }) else {
            return Ok(());
        };
        let mail = mailer.later(mail)?;
        job.complete(async |tx| mail.enqueue(tx).await.map(drop)).await
    }
}
