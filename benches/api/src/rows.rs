//! What there is to read: readers who write, follow and have favorites.

use chrono::{DateTime, TimeDelta, Utc};
use conduit::articles::{Article, ArticleTag, NewArticle, NewArticleTag};
use conduit::tags::{NewTag, Tag};
use conduit::users::{NewUser, User};
use mainstay::prelude::*;

const USERS: usize = 50;
const TAGS: usize = 40;
const ARTICLES: usize = 1_000;
/// How many tags an article has.
const TAGGED: usize = 3;
/// How many favorites a reader has.
const FAVORITES: usize = 100;
/// How many others a reader follows.
const FOLLOWED: usize = 10;

pub(crate) fn module() -> Module {
    Module::new("rows").hook(Hook::on_start("fill an empty database", even))
}

/// Takes away what an earlier run has written, so that every run begins on even ground.
async fn even(db: Inject<Db>) -> Result<()> {
    Article::filter(|article| !article.slug.starts_with("article-number-")).delete(&db).await?;
    Tag::filter(|tag| !tag.name.starts_with("tag ")).delete(&db).await?;
    if User::query().exists(&db).await? { Ok(()) } else { db.transaction(async |tx| fill(tx).await).await }
}

async fn fill(tx: &Tx) -> Result<()> {
    let users = (1..=USERS).map(|number| {
        NewUser { username: format!("reader {number}"), email: format!("reader{number}@example.com") }
            .bio("Writes a little about much, and reads the rest.")
            .image(format!("/avatars/{number}.svg"))
    });
    User::insert_all(users, tx).await?;
    let mut users = User::query().order_by(|user| user.id).all(tx).await?;
    let tags = (1..=TAGS).map(|number| NewTag { name: format!("tag {number}") });
    Tag::insert_all(tags, tx).await?;
    let tags = Tag::query().order_by(|tag| tag.id).all(tx).await?;

    // With six digits after the point, as times have that were now.
    let first: DateTime<Utc> =
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::microseconds(123_456);
    let step = TimeDelta::minutes(7);
    let articles = (1..=ARTICLES).zip(users.iter().cycle()).scan(first, |at, (number, author)| {
        *at += step;
        let new = NewArticle {
            slug: format!("article-number-{number}"),
            title: format!("The title of article number {number}"),
            description: "What it is about, in a sentence that is as long as such sentences are.".to_owned(),
            body: "What an article says, once and again, until it is as long as a short one is. ".repeat(20),
            author: author.key(),
        };
        Some(new.created_at(*at).updated_at(*at))
    });
    Article::insert_all(articles, tx).await?;
    let articles: Vec<Article> = Article::query().order_by(|article| article.id).all(tx).await?;

    // Strides that share no factor with the number of what is chosen from, so that nothing is chosen twice.
    let tagged = articles.iter().enumerate().flat_map(|(at, article)| {
        let chosen = (0..TAGGED).map(move |nth| (at * 7 + nth * 11) % TAGS);
        chosen.map(|tag| NewArticleTag { article: article.key(), tag: tags[tag].key() }).collect::<Vec<_>>()
    });
    ArticleTag::insert_all(tagged.collect::<Vec<_>>(), tx).await?;
    let keys: Vec<_> = users.iter().map(User::key).collect();
    for (at, user) in users.iter_mut().enumerate() {
        // Half of a reader's favorites are recent, so that the first page has some.
        let recent = (0..FAVORITES / 2).map(|nth| articles.len() - 1 - (at + nth * 3) % 200);
        let older = (0..FAVORITES / 2).map(|nth| (at * 13 + nth * 7) % 800);
        user.favorites.add(recent.chain(older).map(|article| articles[article].key()), tx).await?;
        let followed = (1..=FOLLOWED).map(|nth| keys[(at + nth * 3) % USERS]);
        user.follows.add(followed, tx).await?;
    }
    Ok(())
}
