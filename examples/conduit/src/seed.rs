//! The content of the first start in development.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mainstay::prelude::*;
use serde::Deserialize;

use crate::articles::{Article, ArticleTag, NewArticle, NewArticleTag};
use crate::tags;
use crate::users::{NewUser, User};

#[derive(Deserialize)]
struct Content {
    authors: Vec<Person>,
    articles: Vec<Text>,
}

#[derive(Deserialize)]
struct Person {
    username: String,
    email: String,
    bio: String,
    image: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    slug: String,
    title: String,
    description: String,
    body: String,
    tag_list: Vec<String>,
    author: String,
    created_at: DateTime<Utc>,
}

/// With what every author of the seed signs in.
pub const PASSWORD: &str = "conduit-demo";

/// Writes authors and articles, all of them or none.
pub async fn fill(db: Inject<Db>, passwords: Inject<Passwords>) -> Result<()> {
    let password = passwords.hash(PASSWORD).await?;
    let content: Content =
        serde_json::from_str(include_str!("../data/seed.json")).context("reading data/seed.json")?;
    db.transaction(async |tx| {
        let mut authors = HashMap::new();
        for person in content.authors {
            let user = NewUser { username: person.username, email: person.email };
            let user = user.password(password.clone()).bio(person.bio).image(person.image);
            let user: User = user.insert(tx).await?;
            authors.insert(user.username.clone(), user.key());
        }
        let mut links = Vec::new();
        for text in content.articles {
            let author = authors
                .get(&text.author)
                .copied()
                .or_not_found(format!("`{}` is by `{}`, who is no author", text.slug, text.author))?;
            let new = NewArticle {
                slug: text.slug,
                title: text.title,
                description: text.description,
                body: text.body,
                author,
            };
            let article: Article =
                new.created_at(text.created_at).updated_at(text.created_at).insert(tx).await?;
            for tag in tags::named(&text.tag_list, tx).await? {
                links.push(NewArticleTag { article: article.key(), tag: tag.key() });
            }
        }
        ArticleTag::insert_all(links, tx).await?;
        Ok(())
    })
    .await
}
