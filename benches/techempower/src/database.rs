//! The module with the tables, and what fills them.

use mainstay::db::{ModelsExt, models};
use mainstay::prelude::*;

use crate::blog::{self, Author, Comment, Post};
use crate::fortunes::{self, Fortune, NewFortune};
use crate::notes::{self, Note};
use crate::random::{WORLDS, random};
use crate::world::{self, Cache, NewWorld, World};

pub(crate) fn module() -> Module {
    Module::new("techempower")
        .models(models![World, Fortune, Author, Post, Comment, Note])
        .provide(Cache::default)
        .hook(Hook::on_start("fill an empty database", fill))
        .routes(routes![world::one, world::many, world::update, world::cached, fortunes::list])
        .routes(routes![notes::insert, notes::insert_many, blog::posts, blog::page])
}

async fn fill(db: Inject<Db>) -> Result<()> {
    // What an earlier run has written, so that every run begins on even ground.
    Note::query().delete(&db).await?;
    if World::query().exists(&db).await? {
        return Ok(());
    }
    let worlds = (1..=WORLDS).map(|id| NewWorld { random_number: random() }.id(id)).collect::<Vec<_>>();
    World::insert_all(worlds, &db).await?;
    let messages = fortunes::MESSAGES.into_iter().map(|message| NewFortune { message: message.to_owned() });
    Fortune::insert_all(messages, &db).await?;
    blog::fill(&db).await
}
