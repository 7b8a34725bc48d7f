//! Rows from factories.

use mainstay_core::Result;
use mainstay_db::factory::{Factory, Make};
use mainstay_db::{Db, Executor};

use super::{Engine, blog, suite};
use crate::blog::{
    Article, ArticleDraft, Comment, CommentDraft, NewArticle, NewComment, NewUser, Status, User, UserDraft,
};

suite!(
    what_is_not_said_is_made_up,
    what_is_said_goes_before_the_definition,
    a_row_that_is_given_is_not_made,
    many_rows_are_made_or_none,
    rows_that_belong_to_it_are_made_after,
    the_same_seed_makes_the_same,
);

struct UserFactory;

impl Factory for UserFactory {
    type Model = User;

    async fn define(&self, make: &mut Make<'_, User>) -> Result<UserDraft> {
        Ok(NewUser { name: make.fake.username() }.into())
    }
}

/// With so many comments.
#[derive(Default)]
struct ArticleFactory {
    comments: usize,
}

impl Factory for ArticleFactory {
    type Model = Article;

    async fn define(&self, make: &mut Make<'_, Article>) -> Result<ArticleDraft> {
        let author = make.related(|a| a.author, UserFactory).await?;
        let slug = format!("article-{}", make.number());
        Ok(NewArticle { slug, title: make.fake.title(), body: make.fake.text(2), author }.into())
    }

    async fn after(&self, article: &mut Article, make: &mut Make<'_, Article>) -> Result<()> {
        let comments = CommentFactory.with(|c| c.article(article.key()));
        comments.create_many(self.comments, make.tx()).await.map(|_| ())
    }
}

struct CommentFactory;

impl Factory for CommentFactory {
    type Model = Comment;

    async fn define(&self, make: &mut Make<'_, Comment>) -> Result<CommentDraft> {
        let article = make.related(|c| c.article, ArticleFactory::default()).await?;
        let author = make.related(|c| c.author, UserFactory.with(|u| u.active(false))).await?;
        Ok(NewComment { text: make.fake.sentence(), article, author }.into())
    }
}

fn article() -> ArticleFactory {
    ArticleFactory::default()
}

fn published(article: ArticleDraft) -> ArticleDraft {
    article.status(Status::Published)
}

async fn counts(db: &impl Executor) -> (u64, u64, u64) {
    let users = User::query().count(db).await.unwrap();
    (users, Article::query().count(db).await.unwrap(), Comment::query().count(db).await.unwrap())
}

async fn what_is_not_said_is_made_up(engine: Engine) {
    let db = blog(engine).await;
    let comment = CommentFactory.create(&db).await.unwrap();
    assert_eq!(counts(&db).await, (2, 1, 1));
    let comment = Comment::filter(|c| c.id.eq(comment.id))
        .with(|c| c.author)
        .with(|c| c.article)
        .one(&db)
        .await
        .unwrap();
    assert!(!comment.author.get().unwrap().active && comment.text.ends_with('.'));
    assert_eq!(comment.article.get().unwrap().slug, "article-1");
}

async fn what_is_said_goes_before_the_definition(engine: Engine) {
    let db = blog(engine).await;
    let made = article()
        .with(published)
        .with(|a| a.title("One"))
        .with(|a| a.title("Two"))
        .create(&db)
        .await
        .unwrap();
    assert_eq!((made.status, made.title.as_str()), (Status::Published, "Two"));
    let draft = UserFactory.with(|u| u.score(0.5)).draft(&db).await.unwrap();
    assert_eq!(counts(&db).await, (1, 1, 0));
    assert_eq!(draft.name("ann").insert(&db).await.unwrap().score, Some(0.5));
}

async fn a_row_that_is_given_is_not_made(engine: Engine) {
    let db = blog(engine).await;
    let ann = UserFactory.with(|u| u.name("ann")).create(&db).await.unwrap();
    let by_ann = article().with(|a| a.author(ann.key())).create_many(3, &db).await.unwrap();
    assert!(by_ann.iter().all(|article| article.author.key() == ann.key()));
    let titles = article()
        .create_each(["One", "Two"], |a, title| a.title(title).author(ann.key()), &db)
        .await
        .unwrap();
    assert_eq!(titles.iter().map(|article| article.title.as_str()).collect::<Vec<_>>(), ["One", "Two"]);
    assert_eq!(counts(&db).await, (1, 5, 0));
}

async fn many_rows_are_made_or_none(engine: Engine) {
    let db = blog(engine).await;
    let refused = article().create_each(["a", "b", "a"], |a, slug| a.slug(slug), &db).await.unwrap_err();
    assert_eq!(refused.machine_code(), "unique_violation");
    assert_eq!(counts(&db).await, (0, 0, 0));
    // In a transaction, only what the factory made is undone.
    db.transaction(async |tx| {
        UserFactory.create(tx).await?;
        assert!(article().with(|a| a.title("")).create(tx).await.is_err());
        assert_eq!(counts(tx).await, (1, 0, 0));
        Ok(())
    })
    .await
    .unwrap();
}

async fn rows_that_belong_to_it_are_made_after(engine: Engine) {
    let db = blog(engine).await;
    let talked_about = ArticleFactory { comments: 2 }.create(&db).await.unwrap();
    assert_eq!(counts(&db).await, (3, 1, 2));
    assert_eq!(Comment::filter(|c| c.article.key().eq(talked_about.key())).count(&db).await.unwrap(), 2);
}

async fn the_same_seed_makes_the_same(engine: Engine) {
    async fn made(db: &Db, seed: u64) -> Vec<(String, String, String)> {
        let articles = article().seed(seed).create_many(2, db).await.unwrap();
        let mut texts = Vec::new();
        for article in articles {
            let author = User::find(article.author.key(), db).await.unwrap();
            texts.push((article.title, article.body, author.name));
        }
        texts
    }
    let (first, second, third) = (blog(engine).await, blog(engine).await, blog(engine).await);
    let seven = made(&first, 7).await;
    assert_eq!(made(&second, 7).await, seven);
    assert_ne!(made(&third, 8).await, seven);
    assert_ne!(seven[0].0, seven[1].0);
}
