//! PostgreSQL by hand, over a pool or over one pipelined connection.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use deadpool_postgres::{Manager, Pool};
use futures_util::future::try_join_all;
use peers::{
    blog::{Author, BULK, Comment, NOTE, Note, PAGE, Post},
    contest::{Contest, Failure, Outcome},
    rows::{Row, random_id},
};
use tokio_postgres::{Client, NoTls, Statement, types::ToSql};

const WORLD: &str = "SELECT id, random_number FROM world WHERE id = $1";
const UPDATE: &str = "UPDATE world SET random_number = $1 WHERE id = $2";
const FORTUNES: &str = "SELECT id, message FROM fortune";
const INSERT: &str = "INSERT INTO note (text, created_at) VALUES ($1, $2) RETURNING id, text, created_at";
const BULK_INSERT: &str =
    "INSERT INTO note (text, created_at) SELECT * FROM unnest($1::text[], $2::timestamptz[])";
const POSTS: &str = "SELECT p.id, p.author_id, a.name, p.title, p.body, p.published_at
    FROM post p JOIN author a ON a.id = p.author_id ORDER BY p.published_at DESC, p.id DESC LIMIT $1";
const COMMENTS: &str = "SELECT id, post_id, text FROM comment WHERE post_id = ANY($1) ORDER BY id";
const PAGE_AFTER: &str = "SELECT id, author_id, title, body, published_at FROM post
    WHERE (published_at, id) < ($1, $2) ORDER BY published_at DESC, id DESC LIMIT $3";
const ALL: [&str; 8] = [WORLD, UPDATE, FORTUNES, INSERT, BULK_INSERT, POSTS, COMMENTS, PAGE_AFTER];

/// How many connections the pool has: as many as Mainstay's own by default on one worker.
pub(crate) const CONNECTIONS: usize = 8;

#[derive(Clone)]
pub(crate) enum Database {
    Pool(Pool),
    Pipeline(Arc<Pipeline>),
}

pub(crate) struct Pipeline {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Database {
    pub(crate) async fn open(url: &str, access: &str) -> Outcome<Self> {
        let config: tokio_postgres::Config = url.parse()?;
        if access == "pool" {
            let pool = Pool::builder(Manager::new(config, NoTls)).max_size(CONNECTIONS).build()?;
            return Ok(Self::Pool(pool));
        }
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        let mut statements = HashMap::new();
        for sql in ALL {
            statements.insert(sql, client.prepare(sql).await?);
        }
        Ok(Self::Pipeline(Arc::new(Pipeline { client, statements })))
    }

    async fn run(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Outcome<Vec<tokio_postgres::Row>> {
        match self {
            Self::Pipeline(pipeline) => Ok(pipeline.client.query(&pipeline.statements[sql], values).await?),
            Self::Pool(pool) => {
                let client = pool.get().await?;
                let statement = client.prepare_cached(sql).await?;
                Ok(client.query(&statement, values).await?)
            }
        }
    }
}

impl Contest for Database {
    async fn world(&self, id: i64) -> Outcome<Row> {
        let rows = self.run(WORLD, &[&id]).await?;
        Ok(world(rows.first().ok_or("no such world")?))
    }

    async fn worlds(&self, number: usize) -> Outcome<Vec<Row>> {
        match self {
            Self::Pipeline(_) => try_join_all((0..number).map(|_| self.world(random_id()))).await,
            Self::Pool(pool) => {
                let client = pool.get().await?;
                let statement = client.prepare_cached(WORLD).await?;
                let mut worlds = Vec::with_capacity(number);
                for _ in 0..number {
                    worlds.push(world(&client.query_one(&statement, &[&random_id()]).await?));
                }
                Ok(worlds)
            }
        }
    }

    async fn update(&self, worlds: &[Row]) -> Outcome<()> {
        match self {
            Self::Pipeline(pipeline) => {
                let update = &pipeline.statements[UPDATE];
                let written = worlds.iter().map(async |world| {
                    let values: [&(dyn ToSql + Sync); 2] = [&world.random_number, &world.id];
                    pipeline.client.execute(update, &values).await
                });
                try_join_all(written).await?;
            }
            Self::Pool(pool) => {
                let client = pool.get().await?;
                let statement = client.prepare_cached(UPDATE).await?;
                for world in worlds {
                    client.execute(&statement, &[&world.random_number, &world.id]).await?;
                }
            }
        }
        Ok(())
    }

    async fn fortunes(&self) -> Outcome<Vec<(i64, String)>> {
        let rows = self.run(FORTUNES, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn insert(&self) -> Outcome<Note> {
        let rows = self.run(INSERT, &[&NOTE, &Utc::now()]).await?;
        let row = rows.first().ok_or("nothing was written")?;
        Ok(Note { id: row.get(0), text: row.get(1), created_at: row.get(2) })
    }

    async fn insert_many(&self) -> Outcome<i64> {
        let now = Utc::now();
        let (texts, times): (Vec<&str>, Vec<DateTime<Utc>>) = (0..BULK).map(|_| (NOTE, now)).unzip();
        self.run(BULK_INSERT, &[&texts, &times]).await?;
        Ok(BULK)
    }

    async fn posts(&self) -> Outcome<Vec<Post>> {
        let rows = self.run(POSTS, &[&PAGE]).await?;
        let mut posts: Vec<Post> = rows
            .iter()
            .map(|row| Post {
                id: row.get(0),
                author_id: row.get(1),
                author: Some(Author { id: row.get(1), name: row.get(2) }),
                title: row.get(3),
                body: row.get(4),
                published_at: row.get(5),
                comments: Some(Vec::new()),
            })
            .collect();
        let ids: Vec<i64> = posts.iter().map(|post| post.id).collect();
        let mut comments: HashMap<i64, Vec<Comment>> = HashMap::new();
        for row in self.run(COMMENTS, &[&ids]).await? {
            let comment = Comment { id: row.get(0), post_id: row.get(1), text: row.get(2) };
            comments.entry(comment.post_id).or_default().push(comment);
        }
        for post in &mut posts {
            post.comments = Some(comments.remove(&post.id).unwrap_or_default());
        }
        Ok(posts)
    }

    async fn page(&self) -> Outcome<Vec<Post>> {
        static LAST: tokio::sync::OnceCell<(DateTime<Utc>, i64)> = tokio::sync::OnceCell::const_new();
        let (time, id) = LAST
            .get_or_try_init(async || {
                let posts = self.posts().await?;
                let last = posts.last().ok_or("there are no posts")?;
                Ok::<_, Failure>((last.published_at, last.id))
            })
            .await?;
        let rows = self.run(PAGE_AFTER, &[time, id, &PAGE]).await?;
        let post = |row: &tokio_postgres::Row| Post {
            id: row.get(0),
            author_id: row.get(1),
            author: None,
            title: row.get(2),
            body: row.get(3),
            published_at: row.get(4),
            comments: None,
        };
        Ok(rows.iter().map(post).collect())
    }
}

fn world(row: &tokio_postgres::Row) -> Row {
    Row { id: row.get(0), random_number: row.get(1) }
}
