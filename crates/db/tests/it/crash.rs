//! What was acknowledged is there after `kill -9`: of the process that writes, and of the server that it writes to.
//!
//! - `process`: the test runs itself in a child process, which writes until it is killed.
//! - `server`: a server of the test's own is killed and started again, while this process goes on writing.
//!
//! Both write with the same [`writers`]. `MAINSTAY_TEST_KILLS` says how often they kill; `cargo xtask soak db` kills fifty
//! times.

mod process;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod server;
mod writers;

/// How many times each test kills.
fn kills() -> usize {
    std::env::var("MAINSTAY_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}
