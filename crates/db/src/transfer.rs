//! The rows of all models out of a database, and into another one, on whatever engine: JSON lines.
//!
//! ```text
//! {"model":"User","fields":{"id":1,"name":"ann"}}
//! {"model":"Article","fields":{"id":1,"slug":"hello","author":1}}
//! ```
//!
//! Each line is a row. Rows that are referred to come before those that refer to them. The commands are `dumpdata` and
//! `loaddata`; the same is here for programs and tests.
//!
//! - `dump`: rows into lines; `natural`: rows that are named in it by what they hold.
//! - `source`: where lines come from; `load`: lines into rows; `existing`: rows that are there already.
//! - `line`: what is written in a line; `reference`: rows that a fixture names by what they hold.
//! - `part`: a struct of columns as an object.
//! - `waiting`: rows that refer to rows further down.
//! - `text`: a value of a column as JSON, and back.
//! - `names`: models by their names.
//!
//! A fixture is such a file, written by hand. It need not know keys: it leaves out what is filled in by itself, and names a
//! row by fields that only that row has. A many-to-many relation is a list.
//!
//! ```
//! use mainstay_db::transfer::{Source, load};
//! use mainstay_db::{BelongsTo, Db, ManyToMany, meta::meta_of, model, schema};
//!
//! #[model]
//! pub struct Writer {
//!     pub id: i64,
//!     #[field(unique)]
//!     pub name: String,
//! }
//!
//! #[model]
//! pub struct Topic {
//!     pub id: i64,
//!     #[field(unique)]
//!     pub name: String,
//! }
//!
//! #[model]
//! pub struct Essay {
//!     pub id: i64,
//!     pub title: String,
//!     #[belongs_to]
//!     pub writer: BelongsTo<Writer>,
//!     #[many_to_many]
//!     pub topics: ManyToMany<Topic>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! # let db = Db::open("sqlite::memory:").await?;
//! let models = [meta_of::<Writer>(), meta_of::<Topic>(), meta_of::<Essay>()];
//! # schema::create_tables(&models, &db).await?;
//! let fixture = r#"
//! {"model":"Writer","fields":{"name":"Ann"}}
//! {"model":"Topic","fields":{"name":"rust"}}
//! {"model":"Essay","fields":{"title":"On rust","writer":{"name":"Ann"},"topics":[{"name":"rust"}]}}
//! "#;
//! assert_eq!(load(&models, &db, [Source::text("essays", fixture)]).await?, 3);
//!
//! let essay = Essay::query().with(|e| e.writer).with(|e| e.topics).one(&db).await?;
//! assert_eq!(essay.writer.get()?.name, "Ann");
//! assert_eq!(essay.topics.get()?.len(), 1);
//! # Ok(()) }
//! ```

mod dump;
mod existing;
mod line;
mod load;
mod names;
mod natural;
mod part;
mod reference;
mod source;
pub(crate) mod text;
mod waiting;

use std::time::Duration;

pub use dump::{dump, snapshot};
pub use load::{load, load_or_update};
pub use names::Chosen;
pub use source::{FOLDER, Source};

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);
