//! A database for one test: made on a real server, empty, and gone at the end of the test.
//!
//! - `engine`: which engines tests can run on, and where their servers are.
//! - `name`: what the databases are called, so that what a killed process has left is told from what is in use.
//! - `template`: databases with the tables of an application, to be copied.
//! - `server`: the statements that make and drop databases; sent through the engine's own driver.
//!
//! ```
//! use mainstay_db::scratch::{Engine, Scratch};
//! use mainstay_db::{Db, sql};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! let scratch = Scratch::new(&Engine::Sqlite.server()?).await?;
//! let db = Db::open(scratch.url()).await?;
//! sql("CREATE TABLE notes (text TEXT)").execute(&db).await?;
//! db.close().await;
//! scratch.remove().await?;
//! # Ok(()) }
//! ```

mod engine;
mod name;
mod server;
mod template;

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use mainstay_core::Result;

use crate::driver::Driver;
use crate::engine::Pool;
use crate::error::{Border, DbError};

pub use engine::Engine;
use name::Name;

/// So long the end of a test waits for its database to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// A database of its own.
///
/// Dropping it removes the database, whoever is still connected, and waits for that; [`remove`](Self::remove) does the
/// same without holding up the thread. What a killed process leaves behind is removed by a later one, an hour after it was
/// made.
#[derive(Debug)]
#[must_use = "the database is removed when this is dropped"]
pub struct Scratch {
    /// The address of the server, and its name there. SQLite has neither.
    place: Option<(String, Name)>,
    url: String,
    made: bool,
}

impl Scratch {
    /// Makes an empty database on a server, given by the address of any database on it. For SQLite, that is
    /// `sqlite::memory:`; there, every handle that is opened has a database to itself.
    pub async fn new(server: &str) -> Result<Self> {
        let mut scratch = Self::reserve(server);
        scratch.make(None).await?;
        Ok(scratch)
    }

    /// Takes a name, and makes nothing yet: for who has to know the address first.
    pub fn reserve(server: &str) -> Self {
        if server.starts_with("sqlite:") {
            return Self { place: None, url: server.to_owned(), made: false };
        }
        let name = Name::next();
        let url = server::with_database(server, &name.to_string());
        Self { place: Some((server.to_owned(), name)), url, made: false }
    }

    /// Makes the database: a copy of the one named `template`, or empty. Only PostgreSQL can copy, and only what nobody is
    /// connected to.
    pub async fn make(&mut self, template: Option<&str>) -> Result<()> {
        if let Some((server, name)) = &self.place {
            // Before the attempt: one that is cut off may still have made it.
            self.made = true;
            server::create(server, name, template).await.at_border()?;
        }
        Ok(())
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it, without the model layer.
    pub async fn driver(&self) -> Result<Arc<dyn Driver>> {
        crate::engine::open(&self.url, Path::new("."), &Pool::default()).await.at_border()
    }

    /// Removes it.
    pub async fn remove(mut self) -> Result<()> {
        match self.take() {
            Some((server, name)) => server::remove(&server, &name).await.at_border(),
            None => Ok(()),
        }
    }

    fn take(&mut self) -> Option<(String, Name)> {
        self.place.take_if(|_| self.made)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some((server, name)) = self.take() else { return };
        // The runtime of the test may be ending, or have no thread but this one: so it happens elsewhere.
        let (done, wait) = mpsc::sync_channel::<()>(1);
        let remove = move || {
            if let Err(fault) = remove_now(&server, &name) {
                tracing::warn!(target: "mainstay::db", database = %name, error = %fault, "a test's database stays behind");
            }
            drop(done);
        };
        if std::thread::Builder::new().name("end of a test's database".into()).spawn(remove).is_ok() {
            // Ends when the thread drops its end: nothing is ever sent.
            let _ended = wait.recv_timeout(PATIENCE);
        }
    }
}

fn remove_now(server: &str, name: &Name) -> Result<(), DbError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| DbError::Unavailable { detail: error.to_string() })?;
    runtime.block_on(server::remove(server, name))
}
