//! The workspace as `cargo metadata` describes it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{outcome::Result, process};

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder, relative to the root: `crates/http`.
    pub(crate) folder: PathBuf,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// The programs that its tests need, from `[package.metadata.mainstay] needs = [..]`.
    pub(crate) needs: Vec<String>,
    /// The engines, besides SQLite, on which its tests run once more, from `[package.metadata.mainstay] databases = [..]`.
    pub(crate) databases: Vec<String>,
}

pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        Self::parse(&serde_json::from_str(&process::output(command)?)?)
            .ok_or_else(|| "cargo metadata speaks a format that xtask does not know".into())
    }

    fn parse(metadata: &Value) -> Option<Self> {
        let root = PathBuf::from(metadata["workspace_root"].as_str()?);
        let packages = metadata["packages"].as_array()?.iter().map(|package| Package::parse(package, &root));
        Some(Self {
            target: PathBuf::from(metadata["target_directory"].as_str()?),
            packages: packages.collect::<Option<_>>()?,
            root,
        })
    }

    /// A cargo command that runs in this workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// The packages below a folder of the root: `crates`, `examples`, `tests`.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |package| package.folder.starts_with(folder))
    }

    /// Every file under version control or about to be, relative to the root, that still exists.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listing = process::output(git)?;
        let mut files: Vec<_> = listing.split_terminator('\0').map(PathBuf::from).collect();
        files.retain(|file| self.root.join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }
}

impl Package {
    fn parse(package: &Value, root: &Path) -> Option<Self> {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        let dependency = |dependency: &Value| {
            let kind = match dependency["kind"].as_str() {
                Some("dev") => Kind::Dev,
                Some("build") => Kind::Build,
                _ => Kind::Normal,
            };
            Some(Dependency { name: dependency["name"].as_str()?.to_owned(), kind })
        };
        let list = |key: &str| {
            let list = package["metadata"]["mainstay"][key].as_array();
            list.into_iter().flatten().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
        };
        Some(Self {
            name: package["name"].as_str()?.to_owned(),
            folder: manifest.parent()?.strip_prefix(root).ok()?.to_owned(),
            features: package["features"].as_object()?.keys().cloned().collect(),
            dependencies: package["dependencies"]
                .as_array()?
                .iter()
                .map(dependency)
                .collect::<Option<_>>()?,
            needs: list("needs"),
            databases: list("databases"),
        })
    }
}

/// The cargo that runs this program, or the one on the path.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    unpackaged(&mut command);
    command
}

/// Takes away what the `cargo run` around this program has set: a nested cargo must not believe that it builds xtask, and
/// build scripts that look at these would run again.
pub(crate) fn unpackaged(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let is_of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_of_package) {
            command.env_remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_steps_need_from_the_metadata() {
        let metadata = serde_json::json!({
            "workspace_root": "/w", "target_directory": "/w/target",
            "packages": [{
                "name": "mainstay-x", "manifest_path": "/w/crates/x/Cargo.toml", "features": {"a": []},
                "dependencies": [{"name": "d", "kind": null}, {"name": "t", "kind": "dev"}],
                "metadata": {"mainstay": {"needs": ["chromium"], "databases": ["mysql"]}},
            }],
        });
        let workspace = Workspace::parse(&metadata).unwrap();
        let package = workspace.below("crates").next().unwrap();
        assert_eq!(package.folder, Path::new("crates/x"));
        assert_eq!(package.features, ["a"]);
        assert_eq!(package.needs, ["chromium"]);
        assert_eq!(package.databases, ["mysql"]);
        assert_eq!(package.dependencies[0].kind, Kind::Normal);
        assert_eq!(package.dependencies[1].kind, Kind::Dev);
        assert!(workspace.below("tests").next().is_none());
    }
}
