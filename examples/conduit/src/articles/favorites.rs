//! Favorites: what readers like.

use mainstay::prelude::*;

use super::{Article, SingleArticle};
use crate::profiles::Reader;
use crate::users::User;
use crate::users::scopes::WRITE_FAVORITES;

/// Makes an article one of one's favorites.
#[post("/api/articles/{slug}/favorite", tag = "Favorites")]
#[errors(NotFound)]
async fn favor(
    Path(slug): Path<String>,
    reader: SignedIn<User>,
    db: Inject<Db>,
) -> Result<Json<SingleArticle>> {
    let mut article = Article::filter(|article| article.slug.eq(slug)).first_or_404(&db).await?;
    article.fans.add([&reader.0], &db).await?;
    let query = Article::filter(|one| one.id.eq(article.id));
    SingleArticle::of(query, Reader::of(Some(reader)), &db).await.map(Json)
}

/// Makes it one like all others again.
#[delete("/api/articles/{slug}/favorite", tag = "Favorites")]
#[errors(NotFound)]
async fn forget(
    Path(slug): Path<String>,
    reader: SignedIn<User>,
    db: Inject<Db>,
) -> Result<Json<SingleArticle>> {
    let mut article = Article::filter(|article| article.slug.eq(slug)).first_or_404(&db).await?;
    article.fans.remove([&reader.0], &db).await?;
    let query = Article::filter(|one| one.id.eq(article.id));
    SingleArticle::of(query, Reader::of(Some(reader)), &db).await.map(Json)
}

pub(super) fn routes() -> Routes {
    routes![favor, forget].middleware(RequireScope::new(WRITE_FAVORITES))
}
