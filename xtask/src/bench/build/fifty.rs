//! An application of fifty models, written for the measurement: what a grown code base asks of the compiler.

use std::path::Path;

use crate::outcome::Result;

const MODELS: usize = 50;

const MANIFEST: &str = r#"[package]
name = "fifty"
version.workspace = true
edition.workspace = true
license.workspace = true
publish.workspace = true

[dependencies]
chrono.workspace = true
mainstay = { workspace = true, features = ["api", "http", "sqlite"] }
"#;

/// Writes the package `fifty` below `examples/` of a checkout.
pub(super) fn write(checkout: &Path) -> Result<()> {
    let source = checkout.join("examples/fifty/src");
    std::fs::create_dir_all(&source)?;
    std::fs::write(checkout.join("examples/fifty/Cargo.toml"), MANIFEST)?;
    std::fs::write(source.join("main.rs"), main())?;
    for number in 0..MODELS {
        std::fs::write(source.join(format!("model{number}.rs")), model(number))?;
    }
    Ok(())
}

fn main() -> String {
    let mods: String = (0..MODELS).map(|number| format!("mod model{number};\n")).collect();
    let uses: String =
        (0..MODELS).map(|number| format!("\n        .module(model{number}::module())")).collect();
    format!(
        "//! Fifty models.\n\n{mods}\nuse mainstay::prelude::*;\n\n\
         #[mainstay::main]\nfn app() -> App {{\n    App::new(){uses}\n}}\n"
    )
}

/// One model with eight columns and a relation to the one before, listed and shown.
fn model(number: usize) -> String {
    let before = number.checked_sub(1);
    let relation = before.map_or(String::new(), |before| {
        format!(
            "    #[belongs_to(on_delete = cascade)]\n    pub parent: Option<BelongsTo<super::model{before}::Model{before}>>,\n"
        )
    });
    let load = if before.is_some() { ".with(|row| row.parent)" } else { "" };
    format!(
        r#"//! Model {number}.

use chrono::{{DateTime, Utc}};
use mainstay::prelude::*;

/// One of many.
#[model]
pub struct Model{number} {{
    pub id: i64,
    #[field(unique, max_length = 120)]
    pub slug: String,
    #[field(min_length = 1, max_length = 200)]
    pub title: String,
    pub body: String,
    #[field(default = 0)]
    pub views: i64,
    #[field(default = false)]
    pub featured: bool,
{relation}    pub published_at: Option<DateTime<Utc>>,
    #[field(created_at)]
    pub created_at: DateTime<Utc>,
}}

/// Lists the newest.
#[get("/model{number}")]
async fn list(db: Inject<Db>) -> Result<Json<Vec<Model{number}>>> {{
    let newest = Model{number}::query().order_by(|row| row.created_at.desc()).limit(20);
    Ok(Json(newest.all(&db).await?))
}}

/// Shows one.
#[get("/model{number}/{{slug}}")]
async fn show(Path(slug): Path<String>, db: Inject<Db>) -> Result<Json<Model{number}>> {{
    Ok(Json(Model{number}::filter(|row| row.slug.eq(slug)){load}.one(&db).await?))
}}

pub fn module() -> Module {{
    Module::new("model{number}").models(models![Model{number}]).routes(routes![list, show])
}}
"#
    )
}
