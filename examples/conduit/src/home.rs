//! The start page: what is running, and where to go from here.

use mainstay::core::AppInfo;
use mainstay::http::files::Assets;
use mainstay::prelude::*;

use crate::articles::Article;
use crate::users::User;

const STYLE: &[u8] = include_bytes!("home/home.css");
const PICTURE: &[u8] = include_bytes!("home/icon.svg");

/// The start page.
#[get("/", hidden)]
async fn index(app: Inject<AppInfo>, profile: Inject<Profile>, db: Inject<Db>) -> Result<Html<String>> {
    let articles = Article::query().count(&db).await?;
    let authors = User::query().count(&db).await?;
    // Numbers, and names that the program itself has: nothing here comes from a user.
    let page = include_str!("home/home.html")
        .replace("{version}", &app.version)
        .replace("{profile}", profile.name())
        .replace("{articles}", &articles.to_string())
        .replace("{authors}", &authors.to_string());
    Ok(Html(page))
}

/// The start page and what it is drawn with.
pub fn module() -> Module {
    let files = Assets::from_static(&[("home.css", STYLE), ("icon.svg", PICTURE)]);
    Module::new("home").routes(routes![index]).static_files("/assets", files)
}
