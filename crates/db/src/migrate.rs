//! Migrations: from one schema to the next, reviewed, reversible, and applied by the application itself.
//!
//! A migration is a text file in the folder `migrations/` beside the manifest, embedded into the binary by
//! `migrations!()`. It is a list of steps that say what happens and not how: the SQL of each engine is made when
//! it runs. Read in this order:
//!
//! 1. [`operation`]: what a step can be; [`apply`]: what it makes of a schema.
//! 2. [`diff`]: from two schemas to the steps between them; [`decide`]: what only a person knows; [`danger`]: what a step
//!    costs where there is data.
//! 3. [`mod@file`]: a migration; [`text`]: how it is written and read; [`history`]: those of a folder, in order.
//! 4. [`sql`]: from steps to the SQL of each dialect.
//! 5. [`set`]: the migrations of a crate, as it contributes them; [`make`]: how a new one is written.
//! 6. [`ledger`]: what a database knows of itself; [`plan`]: what it lacks; `lock`: one process at a time; [`runner`]: all of
//!    this together; [`fault`]: what can go wrong.

pub mod apply;
pub mod danger;
pub mod decide;
pub mod diff;
pub mod fault;
pub mod file;
pub mod history;
pub mod ledger;
mod lock;
pub mod make;
pub mod operation;
pub mod plan;
pub mod runner;
pub mod set;
pub mod sql;
pub mod text;

pub use decide::Decisions;
pub use fault::MigrateError;
pub use file::Migration;
pub use history::{History, Tangle};
pub use operation::Operation;
pub use plan::Goal;
pub use runner::Runner;
pub use set::Migrations;
pub use text::Mistake;
