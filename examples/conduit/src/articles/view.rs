//! Articles as the API shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use mainstay::db::case;
use mainstay::db::query::{Annotated, Query as DbQuery};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Article;
use crate::profiles::{Profile, Reader};
use crate::tags::Tag;
use crate::users::User;

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
    pub favorites_count: i64,
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

/// What an article is to whoever reads it: how many like it, whether the reader does, whether the reader follows its author.
pub(super) type Marks = (i64, bool, bool);

/// The articles of a query, the newest first, as a reader sees them: with author, tags and marks.
pub(super) fn for_reader(articles: DbQuery<Article>, reader: Reader) -> Annotated<Article, Marks> {
    articles
        .with(|article| article.author)
        .with(|article| article.tags)
        .order_by(|article| article.created_at.desc())
        .order_by(|article| article.id.desc())
        .annotate(|article| {
            (
                article.fans.count(),
                case(article.fans.any(|user| reader.is(user)), true).otherwise(false),
                article.author.to(|author| reader.follows(author)),
            )
        })
}

impl ArticleSummary {
    fn new(article: &Article, tags: &[Tag], author: &User, marks: Marks) -> Self {
        let (favorites_count, favorited, following) = marks;
        // Sorted here and not by the database: the same on every engine, whatever its collation.
        let mut tag_list: Vec<String> = tags.iter().map(|tag| tag.name.clone()).collect();
        tag_list.sort_unstable();
        Self {
            slug: article.slug.clone(),
            title: article.title.clone(),
            description: article.description.clone(),
            tag_list,
            created_at: article.created_at,
            updated_at: article.updated_at,
            favorited,
            favorites_count,
            author: Profile::new(author, following),
        }
    }

    /// With what was loaded together with the article.
    fn loaded((article, marks): &(Article, Marks)) -> Result<Self> {
        Ok(Self::new(article, article.tags.get()?, article.author.get()?, *marks))
    }
}

impl SingleArticle {
    /// The first article of a query, as a reader sees it; a 404 if there is none.
    pub(super) async fn of(articles: DbQuery<Article>, reader: Reader, db: &Db) -> Result<Self> {
        let article = for_reader(articles, reader).first_or_404(db).await?;
        let summary = ArticleSummary::loaded(&article)?;
        Ok(Self { article: FullArticle { summary, body: article.0.body } })
    }

    /// An article that was published just now, as its author sees it: nobody likes it yet, and nobody follows themselves.
    pub(super) fn published(article: Article, tags: &[Tag], author: &User) -> Self {
        let summary = ArticleSummary::new(&article, tags, author, (0, false, false));
        Self { article: FullArticle { summary, body: article.body } }
    }
}

impl ArticleList {
    pub(super) fn new(page: Page<(Article, Marks)>) -> Result<Self> {
        let articles = page.items.iter().map(ArticleSummary::loaded).collect::<Result<_>>()?;
        Ok(Self { articles, articles_count: page.total })
    }
}

/// As the RealWorld clients expect it: three digits after the point, and a `Z`.
pub fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
