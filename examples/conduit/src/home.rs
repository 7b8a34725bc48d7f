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
async fn index(
    views: Views,
    app: Inject<AppInfo>,
    profile: Inject<Profile>,
    db: Inject<Db>,
) -> Result<Html<String>> {
    let articles = Article::query().count(&db).await?;
    let authors = User::query().count(&db).await?;
    let (version, profile) = (&app.version, profile.name());
    views.render("home.html", context! { version, profile, articles, authors })
}

/// The start page and what it is drawn with.
pub fn module() -> Module {
    let files = Assets::from_static(&[("home.css", STYLE), ("icon.svg", PICTURE)]);
    Module::new("home").views(views!()).routes(routes![index]).static_files("/assets", files)
}
