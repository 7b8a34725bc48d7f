//! Articles as the API shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use mainstay::db::case;
use mainstay::db::from_row::Yields;
use mainstay::db::query::{Project, Query as DbQuery};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Article;
use crate::profiles::{Profile, Reader};
use crate::tags::Tag;
use crate::users::User;

/// An article in a list: all but its body.
#[derive(Debug, FromRow, Serialize, JsonSchema)]
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
    pub favorites_count: i64,
    /// Who wrote it.
    #[db(flatten)]
    pub author: Profile,
}

/// A whole article.
#[derive(Debug, FromRow, Serialize, JsonSchema)]
pub struct FullArticle {
    /// All but its body.
    #[db(flatten)]
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

/// What a reader sees of an article in a list.
fn summary(
    article: <Article as Model>::Fields,
    reader: Reader,
) -> impl Project<Article, Row = ArticleSummary> + Yields<ArticleSummary> {
    ArticleSummaryColumns {
        slug: article.slug,
        title: article.title,
        description: article.description,
        tag_list: article.tags.list(|tag| tag.name),
        created_at: article.created_at,
        updated_at: article.updated_at,
        favorited: case(article.fans.any(|user| reader.is(user)), true).otherwise(false),
        favorites_count: article.fans.count(),
        author: article.author.select(|author| Profile::columns(author, reader)),
    }
}

impl ArticleSummary {
    /// Sorted here and not by the database: the same on every engine, whatever its collation.
    fn sort_tags(&mut self) {
        self.tag_list.sort_unstable();
    }
}

impl SingleArticle {
    /// The first article of a query, as a reader sees it; a 404 if there is none.
    pub(super) async fn of(articles: DbQuery<Article>, reader: Reader, db: &Db) -> Result<Self> {
        let articles = articles
            .select(|article| FullArticleColumns { summary: summary(article, reader), body: article.body });
        let mut article = articles.first_or_404(db).await?;
        article.summary.sort_tags();
        Ok(Self { article })
    }

    /// An article that was published just now, as its author sees it: nobody likes it yet, and nobody follows themselves.
    pub(super) fn published(article: Article, tags: Vec<Tag>, author: User) -> Self {
        let mut summary = ArticleSummary {
            slug: article.slug,
            title: article.title,
            description: article.description,
            tag_list: tags.into_iter().map(|tag| tag.name).collect(),
            created_at: article.created_at,
            updated_at: article.updated_at,
            favorited: false,
            favorites_count: 0,
            author: Profile::new(author, false),
        };
        summary.sort_tags();
        Self { article: FullArticle { summary, body: article.body } }
    }
}

impl ArticleList {
    /// A page of the articles of a query, the newest first, as a reader sees them.
    pub(super) async fn of(
        articles: DbQuery<Article>,
        reader: Reader,
        part: PageRequest,
        db: &Db,
    ) -> Result<Self> {
        let newest = articles.order_by(|article| (article.created_at.desc(), article.id.desc()));
        let page = newest.select(|article| summary(article, reader)).paginate(part, db).await?;
        let mut articles = page.items;
        articles.iter_mut().for_each(ArticleSummary::sort_tags);
        Ok(Self { articles, articles_count: page.total })
    }
}

/// As the RealWorld clients expect it: three digits after the point, and a `Z`.
pub fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
