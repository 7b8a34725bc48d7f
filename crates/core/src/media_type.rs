//! What a file is: by its content ([`sniff`]), or by its name ([`media_type`]). Feature `media-types`.
//!
//! Those who take files and those who keep them judge by the same: what somebody says that a file is, nobody believes.

mod content;
mod name;

pub use content::{SNIFFED, sniff};
pub use name::media_type;
