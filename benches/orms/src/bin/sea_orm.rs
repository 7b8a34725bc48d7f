//! The database tests on sea-orm, as its users write them, on PostgreSQL or SQLite by the scheme of the address.

use chrono::{DateTime, Utc};
use peers::blog::{self, BULK, NOTE, PAGE};
use peers::contest::{Contest, Failure, Outcome, serve};
use peers::rows::{Row, random_id};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectOptions, Database, LoaderTrait, QueryOrder, QuerySelect, Set};

mod world {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "world")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub random_number: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod fortune {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fortune")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub message: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub text: String,
        pub created_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod author {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod post {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "post")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub author_id: i64,
        pub title: String,
        pub body: String,
        pub published_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::author::Entity",
            from = "Column::AuthorId",
            to = "super::author::Column::Id"
        )]
        Author,
        #[sea_orm(has_many = "super::comment::Entity")]
        Comment,
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    impl Related<super::comment::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Comment.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod comment {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "comment")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub post_id: i64,
        pub text: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::post::Entity", from = "Column::PostId", to = "super::post::Column::Id")]
        Post,
    }

    impl Related<super::post::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Post.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How many connections there are: as many as the other contenders have.
const CONNECTIONS: u32 = 8;
/// How many rows one statement of a bulk insert writes: the engines bind a limited number of values.
const ROWS: i64 = 5_000;

#[derive(Clone)]
struct SeaOrm(DatabaseConnection);

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut options = ConnectOptions::new(std::env::var("DATABASE_URL")?);
    options.max_connections(CONNECTIONS).sqlx_logging(false);
    let options = options.map_sqlx_sqlite_opts(|sqlite| {
        use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
        // The durability that the other contenders have.
        sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    });
    serve(SeaOrm(Database::connect(options.clone()).await?)).await
}

impl Contest for SeaOrm {
    async fn world(&self, id: i64) -> Outcome<Row> {
        let world = world::Entity::find_by_id(id).one(&self.0).await?.ok_or("no such world")?;
        Ok(Row { id: world.id, random_number: world.random_number })
    }

    async fn worlds(&self, number: usize) -> Outcome<Vec<Row>> {
        let mut worlds = Vec::with_capacity(number);
        for _ in 0..number {
            worlds.push(self.world(random_id()).await?);
        }
        Ok(worlds)
    }

    async fn update(&self, worlds: &[Row]) -> Outcome<()> {
        for row in worlds {
            world::Entity::update_many()
                .col_expr(world::Column::RandomNumber, Expr::value(row.random_number))
                .filter(world::Column::Id.eq(row.id))
                .exec(&self.0)
                .await?;
        }
        Ok(())
    }

    async fn fortunes(&self) -> Outcome<Vec<(i64, String)>> {
        let fortunes = fortune::Entity::find().all(&self.0).await?;
        Ok(fortunes.into_iter().map(|fortune| (fortune.id, fortune.message)).collect())
    }

    async fn insert(&self) -> Outcome<blog::Note> {
        let new =
            note::ActiveModel { text: Set(NOTE.to_owned()), created_at: Set(Utc::now()), ..Default::default() };
        let note::Model { id, text, created_at } = new.insert(&self.0).await?;
        Ok(blog::Note { id, text, created_at })
    }

    async fn insert_many(&self) -> Outcome<i64> {
        let now = Utc::now();
        let mut left = BULK;
        while left > 0 {
            let rows = left.min(ROWS);
            let notes = (0..rows).map(|_| note::ActiveModel {
                text: Set(NOTE.to_owned()),
                created_at: Set(now),
                ..Default::default()
            });
            note::Entity::insert_many(notes).exec_without_returning(&self.0).await?;
            left -= rows;
        }
        Ok(BULK)
    }

    async fn posts(&self) -> Outcome<Vec<blog::Post>> {
        let rows = post::Entity::find()
            .find_also_related(author::Entity)
            .order_by_desc(post::Column::PublishedAt)
            .order_by_desc(post::Column::Id)
            .limit(u64::try_from(PAGE).ok())
            .all(&self.0)
            .await?;
        let (posts, authors): (Vec<post::Model>, Vec<Option<author::Model>>) = rows.into_iter().unzip();
        let comments = posts.load_many(comment::Entity::find().order_by_asc(comment::Column::Id), &self.0).await?;
        let whole = posts.into_iter().zip(authors).zip(comments).map(|((post, author), comments)| blog::Post {
            author: author.map(|author| blog::Author { id: author.id, name: author.name }),
            comments: Some(
                comments
                    .into_iter()
                    .map(|comment::Model { id, post_id, text }| blog::Comment { id, post_id, text })
                    .collect(),
            ),
            ..plain(post)
        });
        Ok(whole.collect())
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
        let mut cursor = post::Entity::find().cursor_by((post::Column::PublishedAt, post::Column::Id));
        cursor.desc().after((*time, *id)).first(u64::try_from(PAGE)?);
        let rows = cursor.all(&self.0).await?;
        Ok(rows.into_iter().map(plain).collect())
    }
}

fn plain(post: post::Model) -> blog::Post {
    let post::Model { id, author_id, title, body, published_at } = post;
    blog::Post { id, author_id, author: None, title, body, published_at, comments: None }
}
