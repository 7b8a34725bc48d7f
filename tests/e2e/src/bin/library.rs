//! An application with rows to carry from one database to another.

#![allow(dead_code, reason = "only the tables of these models matter")]

use mainstay::prelude::*;

/// Somebody who writes.
#[model]
struct Writer {
    id: i64,
    #[field(unique, max_length = 40)]
    name: String,
    #[field(hidden, default = "")]
    password_hash: String,
}

/// What they have written.
#[model]
struct Essay {
    id: i64,
    #[field(unique, max_length = 80)]
    title: String,
    #[belongs_to]
    writer: BelongsTo<Writer>,
    #[many_to_many]
    topics: ManyToMany<Topic>,
}

/// What it is about.
#[model]
struct Topic {
    id: i64,
    #[field(unique, max_length = 40)]
    name: String,
}

#[mainstay::main]
fn app() -> App {
    App::new().models(models![Writer, Essay, Topic]).seed("a writer of many essays", fill)
}

async fn fill(db: Inject<Db>) -> Result<()> {
    db.transaction(async |tx| {
        let writer = NewWriter { name: "Ann".into() }.password_hash("secret").insert(tx).await?;
        let topic = NewTopic { name: "gardens".into() }.insert(tx).await?;
        for number in 1..=1000 {
            let new = NewEssay { title: format!("Essay {number}"), writer: writer.key() };
            let mut essay = new.insert(tx).await?;
            if number % 100 == 0 {
                essay.topics.add([&topic], tx).await?;
            }
        }
        Ok(())
    })
    .await
}
