//! A function that is not async says so.

use mainstay_core::Result;
use mainstay_jobs::Job;
use serde::{Deserialize, Serialize};

#[derive(Job, Serialize, Deserialize)]
struct Sync;

impl Sync {
    fn run(self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
