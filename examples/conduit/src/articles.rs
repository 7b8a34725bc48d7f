//! Articles: list, feed, read, publish, change, favorites.
//!
//! - `model`: the tables.
//! - `reading`: one article, lists of them, the feed.
//! - `writing`: publish, change, remove.
//! - `favorites`: what readers like.
//! - `view`: articles as the API shows them.
//! - `slug`: what an article's address ends with.

mod favorites;
mod model;
mod reading;
pub mod slug;
mod view;
mod writing;

use mainstay::prelude::*;

pub use model::{Article, ArticleDraft, ArticleTag, NewArticle, NewArticleTag};
pub use view::{ArticleList, ArticleSummary, FullArticle, SingleArticle, milliseconds};

/// Articles.
pub fn module() -> Module {
    Module::new("articles")
        .models(models![Article, ArticleTag])
        .routes(reading::routes())
        .routes(writing::routes())
        .routes(favorites::routes())
}
