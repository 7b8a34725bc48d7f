//! Rows for tests, of which each test says only what matters.

use conduit::articles::{Article, ArticleDraft, NewArticle};
use conduit::tags;
use conduit::users::{NewUser, User, UserDraft};
use mainstay::prelude::*;
use mainstay_test::{Factory, Make, TestApp};

pub(crate) struct UserFactory;

impl Factory for UserFactory {
    type Model = User;

    async fn define(&self, make: &mut Make<'_, User>) -> Result<UserDraft> {
        let new = NewUser { username: make.fake.username(), email: make.fake.email() };
        Ok(new.bio(make.fake.sentence()))
    }
}

/// An article about these tags.
#[derive(Default)]
pub(crate) struct ArticleFactory {
    pub(crate) tags: &'static [&'static str],
}

impl Factory for ArticleFactory {
    type Model = Article;

    async fn define(&self, make: &mut Make<'_, Article>) -> Result<ArticleDraft> {
        let author = make.related(|article| article.author, UserFactory).await?;
        let new = NewArticle {
            slug: make.fake.slug(),
            title: make.fake.title(),
            description: make.fake.sentence(),
            body: make.fake.text(2),
            author,
        };
        Ok(new.into())
    }

    async fn after(&self, article: &mut Article, make: &mut Make<'_, Article>) -> Result<()> {
        let names: Vec<String> = self.tags.iter().map(|name| (*name).to_owned()).collect();
        let tags = tags::named(&names, make.tx()).await?;
        article.tags.add(&tags, make.tx()).await
    }
}

/// Somebody who is signed in, and the header that says so.
pub(crate) async fn writer(app: &TestApp) -> (User, String) {
    let db = app.inject::<Db>().await;
    let user = UserFactory.create(&db).await.expect("a user");
    let token = header_of(&user, app).await;
    (user, token)
}

/// With what somebody proves who they are.
pub(crate) async fn header_of(user: &User, app: &TestApp) -> String {
    let token = app.inject::<Tokens>().await.issue(user).expect("a token");
    format!("Token {token}")
}
