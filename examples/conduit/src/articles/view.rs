//! Articles as the API shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Article;
use crate::users::Profile;

/// An article in a list: all but its body.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArticleSummary {
    /// What its address ends with.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is about, in a sentence.
    pub description: String,
    /// Its tags, in alphabetical order.
    pub tag_list: Vec<String>,
    /// When it was published.
    #[serde(serialize_with = "milliseconds")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "milliseconds")]
    pub updated_at: DateTime<Utc>,
    /// Whether it is among the reader's favorites.
    pub favorited: bool,
    /// How many readers have it among their favorites.
    pub favorites_count: u64,
    /// Who wrote it.
    pub author: Profile,
}

/// A whole article.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FullArticle {
    /// All but its body.
    #[serde(flatten)]
    pub summary: ArticleSummary,
    /// Its text, in Markdown.
    pub body: String,
}

/// One article.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SingleArticle {
    /// The article.
    pub article: FullArticle,
}

/// Some articles, and how many there are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArticleList {
    /// Those of this page.
    pub articles: Vec<ArticleSummary>,
    /// How many there are on all pages.
    pub articles_count: u64,
}

impl ArticleSummary {
    fn new(article: &Article) -> Result<Self> {
        Ok(Self {
            slug: article.slug.clone(),
            title: article.title.clone(),
            description: article.description.clone(),
            tag_list: article.tags.get()?.iter().map(|tag| tag.name.clone()).collect(),
            created_at: article.created_at,
            updated_at: article.updated_at,
            favorited: false,
            favorites_count: 0,
            author: article.author.get()?.into(),
        })
    }
}

impl SingleArticle {
    /// An article whose author and tags are loaded.
    pub(super) fn new(article: &Article) -> Result<Self> {
        let summary = ArticleSummary::new(article)?;
        Ok(Self { article: FullArticle { summary, body: article.body.clone() } })
    }
}

impl ArticleList {
    /// A page of articles whose authors and tags are loaded.
    pub(super) fn new(page: Page<Article>) -> Result<Self> {
        let articles = page.items.iter().map(ArticleSummary::new).collect::<Result<_>>()?;
        Ok(Self { articles, articles_count: page.total })
    }
}

/// As the RealWorld clients expect it: three digits after the point, and a `Z`.
fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
