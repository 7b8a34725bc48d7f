//! What articles are about.

use std::collections::HashMap;

use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::articles::{Article, ArticleTag};
use crate::users::scopes::READ_ARTICLES;

/// What an article is about.
#[model]
pub struct Tag {
    /// Its number.
    pub id: i64,
    /// Its name.
    #[field(unique, min_length = 1, max_length = 60)]
    pub name: String,
    /// The articles about it.
    #[many_to_many(through = ArticleTag)]
    pub articles: ManyToMany<Article>,
}

/// All tags.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tags {
    /// Their names, in alphabetical order.
    pub tags: Vec<String>,
}

/// Lists every tag that an article has.
#[get("/api/tags", tag = "Tags")]
async fn list(db: Inject<Db>) -> Result<Json<Tags>> {
    let tags = Tag::filter(|tag| tag.articles.exists()).order_by(|tag| tag.name.asc()).all(&db).await?;
    Ok(Json(Tags { tags: tags.into_iter().map(|tag| tag.name).collect() }))
}

/// Tags.
pub fn module() -> Module {
    Module::new("tags")
        .models(models![Tag])
        .routes(routes![list].middleware(RequireScope::new(READ_ARTICLES)))
}

/// The tags of these names, each once and in their order; those that are new are made.
pub async fn named(names: &[String], tx: &Tx) -> Result<Vec<Tag>> {
    let mut known: HashMap<String, Tag> = HashMap::with_capacity(names.len());
    if !names.is_empty() {
        let tags = Tag::filter(|tag| tag.name.is_in(names.iter().cloned())).all(tx).await?;
        known.extend(tags.into_iter().map(|tag| (tag.name.clone(), tag)));
    }
    let mut tags: Vec<Tag> = Vec::with_capacity(names.len());
    for name in names {
        match known.remove(name) {
            Some(tag) => tags.push(tag),
            None if tags.iter().any(|tag| tag.name == *name) => {}
            None => tags.push(NewTag { name: name.clone() }.insert(tx).await?),
        }
    }
    Ok(tags)
}
