//! From the path of a request to names below a folder, and never out of it.

use percent_encoding::percent_decode_str;

/// What the rest of a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The names from the folder down; none of them leads up, aside, or to anything hidden.
    pub(super) names: Vec<String>,
    /// It ends with a slash (or is the folder itself).
    pub(super) is_folder: bool,
}

impl Place {
    /// Reads the rest of a path, still percent-encoded. `None` if it names nothing that may be served.
    ///
    /// The path is taken apart before it is decoded, so that an encoded slash cannot make two names of one.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut names = Vec::new();
        let mut raw = path.split('/').peekable();
        let mut is_folder = path.is_empty();
        while let Some(segment) = raw.next() {
            if segment.is_empty() {
                // Only at the end. Elsewhere `//` would name the same file by another address.
                if raw.peek().is_some() {
                    return None;
                }
                is_folder = true;
                break;
            }
            let name = percent_decode_str(segment).decode_utf8().ok()?;
            if !may_be_served(&name, names.is_empty()) {
                return None;
            }
            names.push(name.into_owned());
        }
        Some(Self { names, is_folder })
    }

    /// The names joined by slashes.
    pub(super) fn joined(&self) -> String {
        self.names.join("/")
    }
}

fn may_be_served(name: &str, is_first: bool) -> bool {
    // Hidden files hold what nobody meant to publish (`.env`, `.git`). Only `.well-known` is for the public (RFC 8615).
    let hidden = name.starts_with('.') && !(is_first && name == ".well-known");
    let splits = name.contains(['/', '\\', '\0']) || name.chars().any(char::is_control);
    // Drives, streams and devices, and names that Windows takes for others.
    let foreign = cfg!(windows)
        && (name.contains([':', '*', '?', '<', '>', '|', '"'])
            || name.ends_with(['.', ' '])
            || is_device(name.split('.').next().unwrap_or_default()));
    !hidden && !splits && !foreign
}

fn is_device(stem: &str) -> bool {
    let stem = stem.trim_end().to_ascii_lowercase();
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.as_bytes()[3].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(path: &str) -> Option<Vec<String>> {
        Place::of(path).map(|place| place.names)
    }

    #[test]
    fn reads_names_and_whether_a_folder_is_meant() {
        assert_eq!(names("/css/app.css").unwrap(), ["css", "app.css"]);
        assert_eq!(names("a%20b/%C3%BC.txt").unwrap(), ["a b", "ü.txt"]);
        assert_eq!(names(".well-known/security.txt").unwrap(), [".well-known", "security.txt"]);
        assert!(Place::of("").unwrap().is_folder && Place::of("/").unwrap().is_folder);
        assert!(Place::of("docs/").unwrap().is_folder && !Place::of("docs").unwrap().is_folder);
    }

    #[test]
    fn refuses_every_way_out() {
        for path in [
            "../secret",
            "a/../../secret",
            "%2e%2e/secret",
            "..%2fsecret",
            "a/%2e%2e%2f%2e%2e%2fsecret",
            "a%2fb",
            "..\\secret",
            "..%5csecret",
            "//etc/passwd",
            "/%2fetc/passwd",
            "a//b",
            "./a",
            "a%00.txt",
            "%ff",
            "a%0d%0ab",
            ".env",
            ".git/config",
            "a/.well-known",
            "...",
        ] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn never_leads_out_of_the_folder(path in "(/|\\.|%2e|%2f|%5c|\\\\|a|%00|:){0,12}") {
            if let Some(place) = Place::of(&path) {
                let joined = std::path::Path::new("/root").join(place.joined());
                prop_assert!(joined.starts_with("/root"));
                prop_assert!(joined.components().all(|part| part != std::path::Component::ParentDir));
            }
        }
    }
}
