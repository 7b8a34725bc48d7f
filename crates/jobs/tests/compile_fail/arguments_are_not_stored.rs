//! Arguments are written and read.

use mainstay_core::Result;
use mainstay_jobs::Job;

#[derive(Job)]
struct NotStored {
    account: i64,
}

impl NotStored {
    async fn run(self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
