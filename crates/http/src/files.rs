//! Files: sent by a handler, served from a folder or from memory, as an application of one page.
//!
//! In reading order:
//!
//! 1. `file`: [`File`], what a handler returns. It knows its type, its tag and its age.
//! 2. `conditions` and `range`: what the client has already, and which part it wants (RFC 9110, sections 13 and 14).
//! 3. `body`: sends the parts, in bounded pieces.
//! 4. `place`: from the path of a request to a file, and never out of the folder.
//! 5. `assets` and `folder`: where files come from.
//! 6. [`media_type`](media_type()) and [`sniff`](sniff()): what a file is, by its name and by its content.
//! 7. `serve`: [`StaticFiles`]: index pages, variants compressed in advance, cache policy, single-page applications.
//!
//! A handler does not see the request's headers, so a [`File`] that it returns cannot know that the client has it
//! already. The stack does: it keeps the [`Conditions`] of the request, and completes the response with
//! [`complete`]. Without that, the file is sent whole. Other responses with an `ETag` or a `Last-Modified` are completed
//! too: the client is told that it has them already.
//!
//! ```
//! use mainstay_core::Result;
//! use mainstay_http::files::File;
//!
//! async fn report() -> Result<File> {
//!     Ok(File::open("reports/2026.pdf").await?.attachment("Report 2026.pdf"))
//! }
//! ```

mod assets;
mod body;
mod conditions;
mod file;
mod folder;
mod place;
mod range;
mod serve;
mod tag;

pub use assets::Assets;
pub use conditions::Conditions;
pub use file::{File, complete};
pub(crate) use mainstay_core::media_type::SNIFFED;
pub use mainstay_core::media_type::{media_type, sniff};
pub use serve::StaticFiles;
pub use tag::Tag;
