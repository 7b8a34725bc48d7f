//! Posts with their author and comments: a list with two relations, and a page behind a cursor.

use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::db::CursorRequest;
use mainstay::prelude::*;

/// How many posts a list or a page has.
const PAGE: u64 = 20;
const AUTHORS: i64 = 100;
const POSTS: i64 = 10_000;
const COMMENTS: i64 = 3;

/// Who wrote a post.
#[model(table = "author")]
pub(crate) struct Author {
    pub id: i64,
    #[field(max_length = 60)]
    pub name: String,
}

/// A post.
#[model(table = "post")]
#[index(published_at, id)]
pub(crate) struct Post {
    pub id: i64,
    #[belongs_to(on_delete = cascade)]
    pub author: BelongsTo<Author>,
    #[field(max_length = 200)]
    pub title: String,
    pub body: String,
    pub published_at: DateTime<Utc>,
    #[has_many]
    pub comments: HasMany<Comment>,
}

/// What somebody said about a post.
#[model(table = "comment")]
#[index(post)]
pub(crate) struct Comment {
    pub id: i64,
    #[belongs_to(on_delete = cascade)]
    pub post: BelongsTo<Post>,
    pub text: String,
}

/// The newest posts with their authors and comments.
#[get("/posts")]
pub(crate) async fn posts(db: Inject<Db>) -> Result<Json<Vec<Post>>> {
    let posts = Post::query()
        .with(|p| p.author)
        .with(|p| p.comments.order_by(|c| c.id))
        .order_by(|p| (p.published_at.desc(), p.id.desc()))
        .limit(PAGE)
        .all(&db)
        .await?;
    Ok(Json(posts))
}

/// The posts after the first page of the newest, found by their cursor.
#[get("/page")]
pub(crate) async fn page(db: Inject<Db>) -> Result<Json<Vec<Post>>> {
    static FIRST: OnceLock<String> = OnceLock::new();
    let newest = || Post::query().order_by(|p| (p.published_at.desc(), p.id.desc()));
    let cursor = match FIRST.get() {
        Some(cursor) => cursor,
        None => {
            let first = newest().paginate_by_cursor(CursorRequest::first(PAGE), &db).await?;
            let next = first.next.ok_or_else(|| Error::internal("there is one page of posts only"))?;
            FIRST.get_or_init(|| next)
        }
    };
    let page = newest().paginate_by_cursor(CursorRequest::after(cursor, PAGE), &db).await?;
    Ok(Json(page.items))
}

/// Fills the three tables.
pub(crate) async fn fill(db: &Db) -> Result<()> {
    let authors = (1..=AUTHORS).map(|id| NewAuthor { name: format!("Author number {id}") }.id(id));
    Author::insert_all(authors.collect::<Vec<_>>(), db).await?;
    let first = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let posts = (1..=POSTS).map(|id| {
        let post = NewPost {
            author: (id % AUTHORS + 1).into(),
            title: format!("The title of post number {id}"),
            body: "What a post says, once and again, until it is as long as a short post is. ".repeat(6),
            published_at: first + TimeDelta::minutes(id / 3),
        };
        post.id(id)
    });
    Post::insert_all(posts.collect::<Vec<_>>(), db).await?;
    let comments = (1..=POSTS * COMMENTS).map(|id| NewComment {
        post: ((id - 1) / COMMENTS + 1).into(),
        text: format!("Comment number {id}."),
    });
    Comment::insert_all(comments.collect::<Vec<_>>(), db).await?;
    Ok(())
}
