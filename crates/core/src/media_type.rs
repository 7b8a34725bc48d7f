//! What a file is: by its content ([`sniff`]), or by its name ([`media_type`]); and what a browser does with it ([`mod@disposition`]).
//! Feature `media-types`.
//!
//! Those who take files and those who keep them judge by the same: what somebody says that a file is, nobody believes.

mod content;
mod disposition;
mod name;

pub use content::{SNIFFED, sniff};
pub use disposition::{Disposition, disposition};
pub use name::media_type;

/// What a file is whose content looks like this, and which is called so: texts have nothing to be told apart by but their names
/// (`text/csv`, `application/json`). Of nothing else the name counts.
pub fn exact<'t>(sniffed: &'t str, name: Option<&str>) -> &'t str {
    let named = name.and_then(media_type).map(|named| named.split(';').next().unwrap_or(named));
    match named {
        Some(named) if sniffed == "text/plain" && is_plain(named) => named,
        _ => sniffed,
    }
}

/// Whether it is a text without a mark of its own, in which nothing runs.
fn is_plain(media_type: &str) -> bool {
    let runs = ["text/html", "text/xml", "text/javascript"].contains(&media_type);
    (media_type.starts_with("text/") && !runs)
        || ["application/json", "application/x-ndjson"].contains(&media_type)
}

/// Whether a browser may show a file of this type that a stranger has sent: nothing in it runs as a page of the application would.
pub fn is_harmless(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split_once('/') {
        // A document in which scripts run.
        Some(("image", kind)) => kind != "svg+xml",
        Some(("audio" | "video", _)) => true,
        _ => ["text/plain", "application/pdf"].contains(&essence.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_which_scripts_run_is_harmless() {
        for media_type in
            ["image/png", "video/mp4", "audio/ogg", "text/plain; charset=utf-8", "Application/PDF"]
        {
            assert!(is_harmless(media_type), "{media_type}");
        }
        let runs = [
            "text/html",
            "IMAGE/SVG+XML",
            "image/svg+xml; charset=utf-8",
            "text/xml",
            "application/xhtml+xml",
            "application/octet-stream",
            "text/javascript",
            "text/css",
            "image",
            "",
        ];
        for media_type in runs {
            assert!(!is_harmless(media_type), "{media_type}");
        }
    }
}
