//! The second version of the API: the same rows as declared resources, comments below their articles.
//!
//! Everybody reads; whoever is signed in writes articles and comments, and changes their own; moderators remove those of others. Errors
//! are problem details.

use mainstay::core::random::SecureRandom;
use mainstay::prelude::*;

use crate::articles::{Article, slug};
use crate::comments::Comment;
use crate::tags::Tag;
use crate::users::User;

/// The number of the user who is signed in.
fn number(who: &Principal) -> Option<i64> {
    who.id().parse().ok()
}

fn signed_in(who: &Principal) -> Result<i64> {
    number(who).ok_or_else(|| Error::unauthorized("Sign in to do this."))
}

/// Articles, comments, tags and users.
pub fn module() -> Module {
    let articles = Resource::<Article>::new("/api/v2/articles")
        .policy(Either(ReadOnly, Either(ByPermission, Owned::<Article>::by(|article| article.author))))
        .by(|article| article.slug)
        .on_create(|who, article| {
            let title = article.given(|article| article.title)?.unwrap_or_default();
            let slug = slug::from_title(&title, &SecureRandom::new());
            Ok(article.author(signed_in(who)?).slug(slug))
        })
        .include(|article| article.author)
        .include(|article| article.tags.order_by(|tag| tag.name));
    let comments = Resource::<Comment>::new("/api/v2/articles/{article}/comments")
        .within_by(|comment| comment.article, |article| article.slug)
        .policy(Either(ReadOnly, Either(ByPermission, Owned::<Comment>::by(|comment| comment.author))))
        .on_create(|who, comment| Ok(comment.author(signed_in(who)?)))
        .include(|comment| comment.author);
    Module::new("v2")
        .resource(articles)
        .resource(comments)
        .resource(Resource::<Tag>::new("/api/v2/tags").policy(ReadOnly))
        .resource(Resource::<User>::new("/api/v2/users").policy(ReadOnly))
}
