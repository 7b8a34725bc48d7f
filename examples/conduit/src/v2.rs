//! The second version of the API: the same rows as declared resources, comments below their articles.
//!
//! Everybody reads; whoever is signed in writes articles and comments, and changes their own. Errors are problem details.

use mainstay::core::random::SecureRandom;
use mainstay::db::relation::ToOne;
use mainstay::prelude::*;

use crate::articles::{Article, slug};
use crate::comments::Comment;
use crate::tags::Tag;
use crate::users::User;

/// What has an author.
trait Written: Model {
    /// The way to its author.
    fn author(row: Self::Fields) -> ToOne<Self, User>;

    /// Who that is.
    fn written_by(&self) -> Key<User>;
}

impl Written for Article {
    fn author(article: Self::Fields) -> ToOne<Self, User> {
        article.author
    }

    fn written_by(&self) -> Key<User> {
        self.author.key()
    }
}

impl Written for Comment {
    fn author(comment: Self::Fields) -> ToOne<Self, User> {
        comment.author
    }

    fn written_by(&self) -> Key<User> {
        self.author.key()
    }
}

/// Everybody sees it, and its author changes it.
struct OwnOnly;

impl<M: Written> Policy<M> for OwnOnly {
    fn rows(&self, who: &Principal, action: Action) -> Rows<M> {
        match (action, number(who)) {
            (Action::View, _) => Rows::all(),
            (_, Some(author)) => Rows::<M>::when(|row| M::author(row).eq(author)),
            (_, None) => Rows::none(),
        }
    }

    fn check(&self, who: &Principal, _: Action, after: &M) -> bool {
        number(who) == Some(after.written_by().into_inner())
    }

    fn fields(&self, _: &Principal, _: Action) -> FieldSet<M> {
        FieldSet::all()
    }
}

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
        .policy(OwnOnly)
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
        .policy(OwnOnly)
        .on_create(|who, comment| Ok(comment.author(signed_in(who)?)))
        .include(|comment| comment.author);
    Module::new("v2")
        .resource(articles)
        .resource(comments)
        .resource(Resource::<Tag>::new("/api/v2/tags").policy(ReadOnly))
        .resource(Resource::<User>::new("/api/v2/users").policy(ReadOnly))
}
