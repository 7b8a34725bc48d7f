//! Folders of views.

use std::path::{Path, PathBuf};

use mainstay_core::{Contribution, Module};

/// The views of one crate. `views!()` makes it from the folder `views/` beside the manifest.
///
/// Of two views of one name, that of the module which was added later is meant, and that of the application before those of
/// what it imports: so an application replaces a page of a module by a file of the same name.
#[derive(Clone, Debug)]
pub struct ViewFolder {
    path: &'static str,
    files: &'static [(&'static str, &'static str)],
}

impl ViewFolder {
    /// Views by name and source. In development, those in the folder at `path` go before, if there is one.
    pub const fn embedded(path: &'static str, files: &'static [(&'static str, &'static str)]) -> Self {
        Self { path, files }
    }

    /// The names of the embedded views, and what is in them.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.files.iter().copied()
    }

    /// The embedded source of a view.
    pub(crate) fn source(&self, name: &str) -> Option<&'static str> {
        self.files().find(|(known, _)| *known == name).map(|(_, source)| source)
    }

    /// The source of a view as it is on the disk now.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.file(name)?).ok()
    }

    /// Where a view is on the disk. A name that leads out of the folder is none.
    fn file(&self, name: &str) -> Option<PathBuf> {
        let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':']);
        name.split('/').all(is_plain).then(|| Path::new(self.path).join(name))
    }

    /// Where the folder is, if it is there.
    pub(crate) fn on_disk(&self) -> Option<&Path> {
        Some(Path::new(self.path)).filter(|path| path.is_dir())
    }
}

impl Contribution for ViewFolder {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_lead_out_of_the_folder() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("views")).unwrap();
        std::fs::write(home.path().join("secret"), "secret").unwrap();
        std::fs::write(home.path().join("views/page.html"), "page").unwrap();
        let path = home.path().join("views").to_str().unwrap().to_owned();
        let folder = ViewFolder::embedded(String::leak(path), &[]);
        assert_eq!(folder.read("page.html").as_deref(), Some("page"));
        for name in ["../secret", "./page.html", "", "/etc/passwd", "a/../../secret", "..\\secret"] {
            assert_eq!(folder.read(name), None, "{name}");
        }
    }
}
