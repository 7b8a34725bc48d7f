//! The database tests on diesel-async, as its users write them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use peers::blog::{self, BULK, NOTE, PAGE};
use peers::contest::{Contest, Failure, Outcome, serve};
use peers::rows::{Row, random_id};

diesel::table! {
    world (id) {
        id -> BigInt,
        random_number -> BigInt,
    }
}

diesel::table! {
    fortune (id) {
        id -> BigInt,
        message -> Text,
    }
}

diesel::table! {
    note (id) {
        id -> BigInt,
        text -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    author (id) {
        id -> BigInt,
        name -> Text,
    }
}

diesel::table! {
    post (id) {
        id -> BigInt,
        author_id -> BigInt,
        title -> Text,
        body -> Text,
        published_at -> Timestamptz,
    }
}

diesel::table! {
    comment (id) {
        id -> BigInt,
        post_id -> BigInt,
        text -> Text,
    }
}

diesel::joinable!(post -> author (author_id));
diesel::joinable!(comment -> post (post_id));
diesel::allow_tables_to_appear_in_same_query!(author, post, comment);

#[derive(Queryable, Selectable)]
#[diesel(table_name = world)]
struct World {
    id: i64,
    random_number: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = author)]
struct Author {
    id: i64,
    name: String,
}

#[derive(Identifiable, Queryable, Selectable)]
#[diesel(table_name = post)]
struct Post {
    id: i64,
    author_id: i64,
    title: String,
    body: String,
    published_at: DateTime<Utc>,
}

#[derive(Associations, Identifiable, Queryable, Selectable)]
#[diesel(table_name = comment, belongs_to(Post))]
struct Comment {
    id: i64,
    post_id: i64,
    text: String,
}

#[derive(Insertable)]
#[diesel(table_name = note)]
struct NewNote<'a> {
    text: &'a str,
    created_at: DateTime<Utc>,
}

#[derive(Clone)]
struct Database(Pool<AsyncPgConnection>);

/// How many connections there are: as many as the other contenders have.
const CONNECTIONS: usize = 8;

#[tokio::main]
async fn main() -> Outcome<()> {
    let manager = AsyncDieselConnectionManager::new(std::env::var("DATABASE_URL")?);
    serve(Database(Pool::builder(manager).max_size(CONNECTIONS).build()?)).await
}

impl Database {
    async fn connection(&self) -> Outcome<Object<AsyncPgConnection>> {
        Ok(self.0.get().await?)
    }
}

async fn find(id: i64, connection: &mut AsyncPgConnection) -> Outcome<Row> {
    let World { id, random_number } =
        world::table.find(id).select(World::as_select()).first(connection).await?;
    Ok(Row { id, random_number })
}

impl Contest for Database {
    async fn world(&self, id: i64) -> Outcome<Row> {
        find(id, &mut *self.connection().await?).await
    }

    async fn worlds(&self, number: usize) -> Outcome<Vec<Row>> {
        let mut connection = self.connection().await?;
        let mut worlds = Vec::with_capacity(number);
        for _ in 0..number {
            worlds.push(find(random_id(), &mut connection).await?);
        }
        Ok(worlds)
    }

    async fn update(&self, worlds: &[Row]) -> Outcome<()> {
        let mut connection = self.connection().await?;
        for row in worlds {
            diesel::update(world::table.find(row.id))
                .set(world::random_number.eq(row.random_number))
                .execute(&mut connection)
                .await?;
        }
        Ok(())
    }

    async fn fortunes(&self) -> Outcome<Vec<(i64, String)>> {
        let mut connection = self.connection().await?;
        Ok(fortune::table.select((fortune::id, fortune::message)).load(&mut connection).await?)
    }

    async fn insert(&self) -> Outcome<blog::Note> {
        let mut connection = self.connection().await?;
        let (id, text, created_at) = diesel::insert_into(note::table)
            .values(NewNote { text: NOTE, created_at: Utc::now() })
            .returning((note::id, note::text, note::created_at))
            .get_result(&mut connection)
            .await?;
        Ok(blog::Note { id, text, created_at })
    }

    async fn insert_many(&self) -> Outcome<i64> {
        let mut connection = self.connection().await?;
        let now = Utc::now();
        let notes: Vec<NewNote<'_>> = (0..BULK).map(|_| NewNote { text: NOTE, created_at: now }).collect();
        diesel::insert_into(note::table).values(&notes).execute(&mut connection).await?;
        Ok(BULK)
    }

    async fn posts(&self) -> Outcome<Vec<blog::Post>> {
        let mut connection = self.connection().await?;
        let rows: Vec<(Post, Author)> = post::table
            .inner_join(author::table)
            .order((post::published_at.desc(), post::id.desc()))
            .limit(PAGE)
            .select((Post::as_select(), Author::as_select()))
            .load(&mut connection)
            .await?;
        let ids: Vec<i64> = rows.iter().map(|(post, _)| post.id).collect();
        let comments: Vec<Comment> = comment::table
            .filter(comment::post_id.eq_any(ids))
            .order(comment::id)
            .select(Comment::as_select())
            .load(&mut connection)
            .await?;
        let mut of_post: HashMap<i64, Vec<blog::Comment>> = HashMap::new();
        for Comment { id, post_id, text } in comments {
            of_post.entry(post_id).or_default().push(blog::Comment { id, post_id, text });
        }
        let posts = rows.into_iter().map(|(post, author)| blog::Post {
            author: Some(blog::Author { id: author.id, name: author.name }),
            comments: Some(of_post.remove(&post.id).unwrap_or_default()),
            ..plain(post)
        });
        Ok(posts.collect())
    }

    async fn page(&self) -> Outcome<Vec<blog::Post>> {
        static LAST: tokio::sync::OnceCell<(DateTime<Utc>, i64)> = tokio::sync::OnceCell::const_new();
        let (time, id) = LAST
            .get_or_try_init(async || {
                let posts = self.posts().await?;
                let last = posts.last().ok_or("there are no posts")?;
                Ok::<_, Failure>((last.published_at, last.id))
            })
            .await?;
        let mut connection = self.connection().await?;
        let before = post::published_at.lt(time).or(post::published_at.eq(time).and(post::id.lt(id)));
        let rows: Vec<Post> = post::table
            .filter(before)
            .order((post::published_at.desc(), post::id.desc()))
            .limit(PAGE)
            .select(Post::as_select())
            .load(&mut connection)
            .await?;
        Ok(rows.into_iter().map(plain).collect())
    }
}

fn plain(post: Post) -> blog::Post {
    let Post { id, author_id, title, body, published_at } = post;
    blog::Post { id, author_id, author: None, title, body, published_at, comments: None }
}
