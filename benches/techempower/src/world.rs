//! The tests on the table of worlds: one row, many rows, updates, and a cache.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use futures_util::future::try_join_all;
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

use crate::random::random;

/// A row with a random number.
#[model(table = "world")]
pub(crate) struct World {
    pub id: i64,
    pub random_number: i64,
}

/// A row as the rules want it in JSON.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Row {
    id: i64,
    #[serde(rename = "randomNumber")]
    random_number: i64,
}

impl From<World> for Row {
    fn from(World { id, random_number }: World) -> Self {
        Self { id, random_number }
    }
}

/// How many rows are wanted. What is no number counts as 1.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(alias = "count")]
    queries: Option<String>,
}

impl Wanted {
    fn number(&self) -> usize {
        self.queries.as_deref().and_then(|text| text.parse().ok()).unwrap_or(1).clamp(1, 500)
    }
}

/// Test 2: one random row.
#[get("/db")]
pub(crate) async fn one(db: Inject<Db>) -> Result<Json<Row>> {
    Ok(Json(World::find(random(), &db).await?.into()))
}

/// Test 3: many random rows, each by a query of its own.
#[get("/queries")]
pub(crate) async fn many(wanted: Query<Wanted>, db: Inject<Db>) -> Result<Json<Vec<Row>>> {
    let worlds = read(wanted.number(), &db).await?;
    Ok(Json(worlds.into_iter().map(Row::from).collect()))
}

/// Test 5: many random rows, each read, changed and written.
#[get("/updates")]
pub(crate) async fn update(wanted: Query<Wanted>, db: Inject<Db>) -> Result<Json<Vec<Row>>> {
    let mut worlds = read(wanted.number(), &db).await?;
    for world in &mut worlds {
        world.random_number = random();
    }
    // One statement each, as the rules allow; waited for together, so that the writer commits them together. What was
    // written is known, so nothing is read back.
    let write = |world: &World| {
        let (id, number) = (world.id, world.random_number);
        World::filter(|w| w.id.eq(id)).update(move |w| w.random_number(number), &db)
    };
    try_join_all(worlds.iter().map(write)).await?;
    Ok(Json(worlds.into_iter().map(Row::from).collect()))
}

/// A query for each, and none waits for the one before.
async fn read(number: usize, db: &Db) -> Result<Vec<World>> {
    try_join_all((0..number).map(|_| World::find(random(), db))).await
}

/// Rows that were read before, by id.
#[derive(Default)]
pub(crate) struct Cache(RwLock<HashMap<i64, Row>>);

impl Cache {
    async fn get(&self, id: i64, db: &Db) -> Result<Row> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        if let Some(row) = known {
            return Ok(row);
        }
        let row = Row::from(World::find(id, db).await?);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, row);
        Ok(row)
    }
}

/// Test 7: many random rows from a cache that reads what it does not know.
#[get("/cached-queries")]
pub(crate) async fn cached(
    wanted: Query<Wanted>,
    cache: Inject<Cache>,
    db: Inject<Db>,
) -> Result<Json<Vec<Row>>> {
    let mut rows = Vec::with_capacity(wanted.number());
    for _ in 0..wanted.number() {
        rows.push(cache.get(random(), &db).await?);
    }
    Ok(Json(rows))
}
