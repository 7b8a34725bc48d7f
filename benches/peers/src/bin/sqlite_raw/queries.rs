//! The SQL of the tests on SQLite. Times are texts, as the model layer stores them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use peers::{
    blog::{Author, BULK, Comment, NOTE, Note, PAGE, Post},
    contest::{Contest, Failure, Outcome},
    rows::{Row, random_id},
};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::database::Database;

pub(crate) const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";
/// How many rows one statement of a bulk insert writes.
const ROWS: usize = 128;

impl Contest for Database {
    async fn world(&self, id: i64) -> Outcome<Row> {
        self.read(move |connection| world(connection, id)).await
    }

    async fn worlds(&self, number: usize) -> Outcome<Vec<Row>> {
        if self.one_visit {
            let ids: Vec<i64> = (0..number).map(|_| random_id()).collect();
            return self.read(move |db| ids.into_iter().map(|id| world(db, id)).collect()).await;
        }
        let mut worlds = Vec::with_capacity(number);
        for _ in 0..number {
            worlds.push(self.world(random_id()).await?);
        }
        Ok(worlds)
    }

    async fn update(&self, worlds: &[Row]) -> Outcome<()> {
        let visits: Vec<Vec<Row>> = if self.one_visit {
            vec![worlds.to_vec()]
        } else {
            worlds.iter().map(|world| vec![*world]).collect()
        };
        let mut waits = Vec::with_capacity(visits.len());
        for worlds in visits {
            let write = move |connection: &Connection| {
                let mut update =
                    connection.prepare_cached("UPDATE world SET random_number = ?1 WHERE id = ?2")?;
                for world in &worlds {
                    update.execute(params![world.random_number, world.id])?;
                }
                Ok(())
            };
            waits.push(self.write(write).await?);
        }
        for wait in waits {
            wait.await??;
        }
        Ok(())
    }

    async fn fortunes(&self) -> Outcome<Vec<(i64, String)>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, message FROM fortune")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
        .await
    }

    async fn insert(&self) -> Outcome<Note> {
        let (send, stored) = oneshot::channel();
        let now = Utc::now().format(TIME).to_string();
        let write = move |connection: &Connection| {
            let sql = "INSERT INTO note (text, created_at) VALUES (?1, ?2) RETURNING id, text, created_at";
            let note = connection.prepare_cached(sql)?.query_row(params![NOTE, now], |row| {
                Ok(Note { id: row.get(0)?, text: row.get(1)?, created_at: time(&row.get::<_, String>(2)?) })
            })?;
            let _nobody_waits = send.send(note);
            Ok(())
        };
        self.write(write).await?.await??;
        Ok(stored.await?)
    }

    async fn insert_many(&self) -> Outcome<i64> {
        let now = Utc::now().format(TIME).to_string();
        let write = move |connection: &Connection| {
            let mut left = usize::try_from(BULK).unwrap_or(0);
            while left > 0 {
                let rows = left.min(ROWS);
                let places = vec!["(?, ?)"; rows].join(", ");
                let sql = format!("INSERT INTO note (text, created_at) VALUES {places}");
                let values = std::iter::repeat_n([NOTE, now.as_str()], rows).flatten();
                connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(values))?;
                left -= rows;
            }
            Ok(())
        };
        self.write(write).await?.await??;
        Ok(BULK)
    }

    async fn posts(&self) -> Outcome<Vec<Post>> {
        let mut posts = self.read(newest).await?;
        let ids: Vec<i64> = posts.iter().map(|post| post.id).collect();
        let comments = self.read(move |connection| comments(connection, &ids)).await?;
        let mut of_post: HashMap<i64, Vec<Comment>> = HashMap::new();
        for comment in comments {
            of_post.entry(comment.post_id).or_default().push(comment);
        }
        for post in &mut posts {
            post.comments = Some(of_post.remove(&post.id).unwrap_or_default());
        }
        Ok(posts)
    }

    async fn page(&self) -> Outcome<Vec<Post>> {
        static LAST: tokio::sync::OnceCell<(String, i64)> = tokio::sync::OnceCell::const_new();
        let (time, id) = LAST
            .get_or_try_init(async || {
                let posts = self.posts().await?;
                let last = posts.last().ok_or("there are no posts")?;
                Ok::<_, Failure>((last.published_at.format(TIME).to_string(), last.id))
            })
            .await?;
        let (time, id) = (time.clone(), *id);
        self.read(move |connection| after(connection, &time, id)).await
    }
}

fn world(connection: &Connection, id: i64) -> rusqlite::Result<Row> {
    let mut statement = connection.prepare_cached("SELECT id, random_number FROM world WHERE id = ?1")?;
    statement.query_row([id], |row| Ok(Row { id: row.get(0)?, random_number: row.get(1)? }))
}

fn newest(connection: &Connection) -> rusqlite::Result<Vec<Post>> {
    let sql = "SELECT p.id, p.author_id, a.name, p.title, p.body, p.published_at FROM post p
        JOIN author a ON a.id = p.author_id ORDER BY p.published_at DESC, p.id DESC LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([PAGE], |row| {
        let author = Author { id: row.get(1)?, name: row.get(2)? };
        Ok(Post {
            id: row.get(0)?,
            author_id: author.id,
            author: Some(author),
            title: row.get(3)?,
            body: row.get(4)?,
            published_at: time(&row.get::<_, String>(5)?),
            comments: None,
        })
    })?;
    rows.collect()
}

fn comments(connection: &Connection, posts: &[i64]) -> rusqlite::Result<Vec<Comment>> {
    let ids = serde_json::to_string(posts).unwrap_or_default();
    let sql = "SELECT id, post_id, text FROM comment
        WHERE post_id IN (SELECT value FROM json_each(?1)) ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement
        .query_map([ids], |row| Ok(Comment { id: row.get(0)?, post_id: row.get(1)?, text: row.get(2)? }))?;
    rows.collect()
}

fn after(connection: &Connection, published: &str, id: i64) -> rusqlite::Result<Vec<Post>> {
    let sql = "SELECT id, author_id, title, body, published_at FROM post
        WHERE (published_at, id) < (?1, ?2) ORDER BY published_at DESC, id DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![published, id, PAGE], |row| {
        Ok(Post {
            id: row.get(0)?,
            author_id: row.get(1)?,
            author: None,
            title: row.get(2)?,
            body: row.get(3)?,
            published_at: time(&row.get::<_, String>(4)?),
            comments: None,
        })
    })?;
    rows.collect()
}

fn time(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, TIME).map(|time| time.and_utc()).unwrap_or_default()
}
