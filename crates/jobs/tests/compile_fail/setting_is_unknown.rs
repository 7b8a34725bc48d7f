//! Settings are known by name.

use mainstay_core::Result;
use mainstay_jobs::Job;
use serde::{Deserialize, Serialize};

#[derive(Job, Serialize, Deserialize)]
#[job(que = "mails")]
struct Misspelt;

impl Misspelt {
    async fn run(self) -> Result<()> {
        Ok(())
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(timeout = "30")]
struct WithoutUnit;

#[derive(Job, Serialize, Deserialize)]
#[job(rate = "ten a minute")]
struct InWords;

#[derive(Job, Serialize, Deserialize)]
#[job(unique, unique_by(acount))]
struct Field {
    account: i64,
}

#[derive(Job, Serialize, Deserialize)]
#[job(limit_by(account))]
struct Unlimited {
    account: i64,
}

#[derive(Job, Serialize, Deserialize)]
#[job(unique, debounce = "1m")]
struct Both;

#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 0)]
struct Never;

#[derive(Job, Serialize, Deserialize)]
#[job(queue = "a", queue = "b")]
struct Twice;

fn main() {}
