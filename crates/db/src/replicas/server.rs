//! A server that is opened when it can be reached for the first time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::OnceCell;

use crate::driver::{Driver, Reply, Statement};
use crate::engine::{self, Pool};
use crate::error::DbError;

/// So long anything waits for a connection at most.
const WAIT: Duration = Duration::from_secs(1);

pub(super) struct Server {
    url: String,
    home: PathBuf,
    pool: Pool,
    driver: OnceCell<Arc<dyn Driver>>,
}

impl Server {
    /// A replica, for what is read from it.
    pub(super) fn for_reads(url: &str, home: &Path, pool: &Pool) -> Self {
        let acquire_timeout = Some(pool.acquire_timeout.map_or(WAIT, |wait| wait.min(WAIT)));
        let pool = Pool { acquire_timeout, direct_url: None, read_only: true, ..pool.clone() };
        Self { url: url.to_owned(), home: home.to_owned(), pool, driver: OnceCell::new() }
    }

    /// One connection for looks alone. Behind what others ask, a look would show how busy a server is, and not whether it
    /// answers.
    pub(super) fn for_looks(url: &str, home: &Path, pool: &Pool) -> Self {
        Self::for_reads(url, home, &Pool { connections: Some(1), ..pool.clone() })
    }

    pub(super) async fn open(&self) -> Result<&Arc<dyn Driver>, DbError> {
        self.driver.get_or_try_init(|| engine::open(&self.url, &self.home, &self.pool).boxed()).await
    }

    /// Its driver, once it has been reached.
    pub(super) fn driver(&self) -> Option<&Arc<dyn Driver>> {
        self.driver.get()
    }

    pub(super) async fn ask(&self, statement: Statement) -> Result<Reply, DbError> {
        self.open().await?.run(statement).await
    }

    pub(super) async fn close(&self) {
        if let Some(driver) = self.driver() {
            driver.close().await;
        }
    }
}
