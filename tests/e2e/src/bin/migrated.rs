//! An application whose models change from one start to the next, as they do between two builds: `E2E_VERSION` says which
//! models it has. Its migrations are in `E2E_MIGRATIONS`, and are read when it starts in the place of being embedded.

#![allow(dead_code, reason = "only the tables of these models matter")]

use std::path::{Path, PathBuf};

use mainstay::db::Migrations;
use mainstay::prelude::*;

mod first {
    use mainstay::prelude::*;

    /// An article.
    #[model]
    pub struct Article {
        pub id: i64,
        #[field(unique, max_length = 120)]
        pub title: String,
    }
}

mod second {
    use mainstay::prelude::*;

    /// An article with a second title, and somebody who wrote it.
    #[model]
    pub struct Article {
        pub id: i64,
        #[field(unique, max_length = 120)]
        pub title: String,
        pub subtitle: Option<String>,
        #[field(default = 3)]
        pub stars: i32,
        #[belongs_to(on_delete = set_null)]
        pub author: Option<BelongsTo<Author>>,
    }

    #[model]
    pub struct Author {
        pub id: i64,
        pub name: String,
    }
}

mod third {
    use mainstay::prelude::*;

    /// An article whose title is called otherwise.
    #[model]
    pub struct Article {
        pub id: i64,
        #[field(unique, max_length = 120)]
        pub headline: String,
    }
}

mod fourth {
    use mainstay::prelude::*;

    /// An article with a list in a column.
    #[model]
    pub struct Article {
        pub id: i64,
        pub tags: Vec<String>,
    }
}

#[mainstay::main]
fn app() -> App {
    let version = std::env::var("E2E_VERSION").unwrap_or_default();
    let models = match version.as_str() {
        "4" => models![fourth::Article],
        "3" => models![third::Article],
        "2" => models![second::Article, second::Author],
        _ => models![first::Article],
    };
    App::new().models(models).migrations(found()).seed("nothing", nothing)
}

/// Opens the database, as a server does when it starts.
async fn nothing(_db: Inject<Db>) -> Result<()> {
    Ok(())
}

/// As a program has them that was compiled just now.
fn found() -> Migrations {
    let folder = std::env::var_os("E2E_MIGRATIONS").map(PathBuf::from).unwrap_or_default();
    let mut files: Vec<(&'static str, &'static str)> = Vec::new();
    for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name != "snapshot" {
            files.push((name.leak(), text(&path).leak()));
        }
    }
    files.sort_unstable();
    let folder = folder.to_string_lossy().into_owned();
    Migrations::embedded("migrated", folder.leak(), "", files.leak())
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
