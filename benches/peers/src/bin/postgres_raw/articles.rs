//! Conduit's articles on PostgreSQL: a connection of the pool for each step, its statements prepared once, and sent together where
//! one does not need what another answers.

use deadpool_postgres::{Manager, Pool};
use futures_util::future::try_join;
use peers::{
    articles::{Article, Articles, New, Part, Profile, User},
    contest::Outcome,
};
use tokio_postgres::{NoTls, Row};

use crate::database::CONNECTIONS;

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../../api/sql/postgres/", $name, ".sql"))
    };
}

#[derive(Clone)]
pub(crate) struct Store(Pool);

impl Store {
    pub(crate) fn open(url: &str) -> Outcome<Self> {
        let manager = Manager::new(url.parse()?, NoTls);
        Ok(Self(Pool::builder(manager).max_size(CONNECTIONS).build()?))
    }
}

impl Articles for Store {
    async fn user(&self, id: i64) -> Outcome<Option<User>> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(sql!("caller")).await?;
        let row = client.query_opt(&statement, &[&id]).await?;
        let user =
            |row: Row| User { id: row.get(0), username: row.get(1), bio: row.get(2), image: row.get(3) };
        Ok(row.map(user))
    }

    async fn list(&self, reader: i64, Part { limit, offset }: Part) -> Outcome<(Vec<Article>, i64)> {
        let client = self.0.get().await?;
        let list = client.prepare_cached(sql!("list")).await?;
        let count = client.prepare_cached(sql!("count")).await?;
        let (rows, count) =
            try_join(client.query(&list, &[&reader, &limit, &offset]), client.query_one(&count, &[])).await?;
        Ok((rows.iter().map(|row| article(row, None)).collect(), count.get(0)))
    }

    async fn article(&self, reader: i64, slug: String) -> Outcome<Option<Article>> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(sql!("article")).await?;
        let row = client.query_opt(&statement, &[&reader, &slug]).await?;
        Ok(row.map(|row| article(&row, Some(row.get(12)))))
    }

    async fn publish(&self, New { slug, draft, author, at }: New) -> Outcome<()> {
        let mut client = self.0.get().await?;
        let insert = client.prepare_cached(sql!("insert")).await?;
        let tags = client.prepare_cached(sql!("tags")).await?;
        let link = client.prepare_cached(sql!("link")).await?;
        let transaction = client.transaction().await?;
        let row = transaction
            .query_one(&insert, &[&slug, &draft.title, &draft.description, &draft.body, &author, &at])
            .await?;
        if !draft.tag_list.is_empty() {
            let id: i64 = row.get(0);
            try_join(
                transaction.execute(&tags, &[&draft.tag_list]),
                transaction.execute(&link, &[&id, &draft.tag_list]),
            )
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn article(row: &Row, body: Option<String>) -> Article {
    Article {
        slug: row.get(0),
        title: row.get(1),
        description: row.get(2),
        created_at: row.get(3),
        updated_at: row.get(4),
        author: Profile { username: row.get(5), bio: row.get(6), image: row.get(7), following: row.get(10) },
        favorites_count: row.get(8),
        favorited: row.get(9),
        tag_list: row.get(11),
        body,
    }
}
