//! Supervised background tasks, as Erlang's OTP has them.
//!
//! A [`Child`] is a named task that can be started again. A [`Supervisor`] holds children in order, starts them one
//! after the other (each has to report [ready](Running::ready) before the next begins), and restarts those that fail
//! by its [`Strategy`], with a growing, jittered [`Backoff`]. When they fail more often than its [`Intensity`] allows
//! it stops the rest, in reverse order, and fails itself with the last cause. A supervisor is a child like any other,
//! so failures climb the tree until somebody can mend them, or the program ends and says why.
//!
//! Read in this order:
//!
//! 1. [`child`]: what is supervised, and when it is restarted.
//! 2. [`running`] and [`shutdown`]: what a started child is given: a way to say "ready", a way to hear "stop".
//! 3. [`rounds`]: what a child does from time to time, until it is to stop.
//! 4. [`supervisor`]: strategies and limits; a description, which does nothing.
//! 5. [`supervision`]: a supervisor at work: wait for its failure, stop it, look at it.
//! 6. `engine`: the state machine behind it; one task a supervisor.
//! 7. [`Service`]: a child as a module contributes it, its dependencies taken from the container.
//! 8. [`status`]: the tree that a dashboard and `/readyz` show.
//! 9. [`LifeSigns`]: which of the services in other processes still live.
//!
//! ```
//! use std::time::Duration;
//! use mainstay_core::service::{Child, Running, Supervisor};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> mainstay_core::Result<()> {
//! let heartbeat = Child::new("heartbeat", |running: Running| async move {
//!     let mut beats = running.every(Duration::from_secs(1));
//!     running.ready();
//!     while beats.next().await { /* tell somebody */ }
//!     Ok(())
//! });
//! let supervision = Supervisor::new("app").child(heartbeat).start().await?;
//! assert!(supervision.status().is_up());
//! let report = supervision.stop(Duration::from_secs(5)).await;
//! assert!(report.is_clean());
//! # Ok(()) }
//! ```

pub mod backoff;
mod binding;
pub mod child;
mod engine;
mod life_signs;
mod overview;
pub mod rounds;
pub mod running;
pub mod shutdown;
pub mod status;
pub mod supervision;
pub mod supervisor;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use binding::{Service, Stage};
pub use child::{Child, Restart};
pub use engine::panic_message;
pub use life_signs::LifeSigns;
pub use overview::Overview;
pub use rounds::Rounds;
pub use running::Running;
pub use shutdown::{Shutdown, Trigger};
pub use status::{State, Status, Tree};
pub use supervision::{StopReport, Supervision};
pub use supervisor::{Intensity, Strategy, Supervisor};
