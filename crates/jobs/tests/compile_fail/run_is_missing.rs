//! A job has a function `run`.

use mainstay_jobs::Job;
use serde::{Deserialize, Serialize};

#[derive(Job, Serialize, Deserialize)]
struct Forgotten {
    account: i64,
}

fn main() {}
