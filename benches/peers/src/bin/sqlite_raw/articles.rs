//! Conduit's articles on SQLite: one visit to a reader thread for each step, one to the writer for an article with its tags.

use chrono::{DateTime, Utc};
use peers::{
    articles::{Article, Articles, New, Part, Profile, User},
    contest::Outcome,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{database::Database, queries::TIME};

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../../api/sql/sqlite/", $name, ".sql"))
    };
}

impl Articles for Database {
    async fn user(&self, id: i64) -> Outcome<Option<User>> {
        self.read(move |connection| {
            let user = |row: &Row<'_>| {
                Ok(User { id: row.get(0)?, username: row.get(1)?, bio: row.get(2)?, image: row.get(3)? })
            };
            connection.prepare_cached(sql!("caller"))?.query_row([id], user).optional()
        })
        .await
    }

    async fn list(&self, reader: i64, Part { limit, offset }: Part) -> Outcome<(Vec<Article>, i64)> {
        self.read(move |connection| {
            let mut list = connection.prepare_cached(sql!("list"))?;
            let articles = list.query_map([reader, reader, limit, offset], |row| article(row, None))?;
            let articles = articles.collect::<rusqlite::Result<_>>()?;
            let count = connection.prepare_cached(sql!("count"))?.query_row([], |row| row.get(0))?;
            Ok((articles, count))
        })
        .await
    }

    async fn article(&self, reader: i64, slug: String) -> Outcome<Option<Article>> {
        self.read(move |connection| {
            let whole = |row: &Row<'_>| article(row, Some(row.get(12)?));
            let mut statement = connection.prepare_cached(sql!("article"))?;
            statement.query_row(params![reader, reader, slug], whole).optional()
        })
        .await
    }

    async fn publish(&self, New { slug, draft, author, at }: New) -> Outcome<()> {
        let tags = serde_json::to_string(&draft.tag_list)?;
        let write = move |connection: &Connection| {
            let at = at.format(TIME).to_string();
            let values = params![slug, draft.title, draft.description, draft.body, author, at, at];
            let mut insert = connection.prepare_cached(sql!("insert"))?;
            let id: i64 = insert.query_row(values, |row| row.get(0))?;
            if !draft.tag_list.is_empty() {
                connection.prepare_cached(sql!("tags"))?.execute([&tags])?;
                connection.prepare_cached(sql!("link"))?.execute(params![id, tags])?;
            }
            Ok(())
        };
        self.write(write).await?.await?
    }
}

fn article(row: &Row<'_>, body: Option<String>) -> rusqlite::Result<Article> {
    let time = |at: usize| {
        let text = row.get_ref(at)?.as_str()?;
        let time = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
        time.map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(error))
        })
    };
    let tags = row.get_ref(11)?.as_str()?;
    Ok(Article {
        slug: row.get(0)?,
        title: row.get(1)?,
        description: row.get(2)?,
        created_at: time(3)?,
        updated_at: time(4)?,
        author: Profile {
            username: row.get(5)?,
            bio: row.get(6)?,
            image: row.get(7)?,
            following: row.get(10)?,
        },
        favorites_count: row.get(8)?,
        favorited: row.get(9)?,
        tag_list: serde_json::from_str(tags).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(11, rusqlite::types::Type::Text, Box::new(error))
        })?,
        body,
    })
}
