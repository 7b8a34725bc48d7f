//! What `run` takes comes from the container.

use mainstay_core::Result;
use mainstay_db::Db;
use mainstay_jobs::Job;
use serde::{Deserialize, Serialize};

#[derive(Job, Serialize, Deserialize)]
struct Takes;

impl Takes {
    async fn run(self, db: Db) -> Result<()> {
        Ok(())
    }
}

fn main() {}
