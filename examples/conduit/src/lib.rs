//! Conduit: the RealWorld application, a place to publish and read articles.
//!
//! Each part is a module: its model, its handlers, and what it shows of them.
//!
//! | Module | What it has |
//! |---|---|
//! | [`users`] | who writes and reads; registration and login; the command `token` |
//! | [`profiles`] | what others see of a user; following |
//! | [`articles`] | list, feed, read, publish, change, favorites |
//! | [`comments`] | what readers say to an article |
//! | [`tags`] | what articles are about |
//! | [`v2`] | the same rows as declared resources, at `/api/v2` |
//! | [`mod@errors`] | the shape in which RealWorld clients expect errors |
//! | [`news`] | notifications of new followers and new articles, a mail about the week: events, jobs, a schedule |
//! | [`home`] | the start page |
//! | [`seed`] | the content of the first start in development |

pub mod articles;
pub mod comments;
pub mod errors;
pub mod home;
pub mod news;
pub mod profiles;
pub mod seed;
pub mod tags;
pub mod users;
pub mod v2;

use mainstay::prelude::*;

/// The application: what the program runs, and what the tests start.
pub fn app() -> App {
    App::new()
        .module(users::module())
        .module(profiles::module())
        .module(tags::module())
        .module(articles::module())
        .module(comments::module())
        .module(news::module())
        .module(v2::module())
        .module(home::module())
        .job_dashboard()
        .contribute(errors::renderer())
        .migrations(migrations!())
        .seed("authors and articles", seed::fill)
        .api(api())
}

fn api() -> Api {
    Api::new()
        .title("Conduit")
        .description("A place to publish and read articles.")
        .license("MIT OR Apache-2.0")
        .tag("User and Authentication", "Registration, login, and one's own account.")
        .tag("Account", "Tokens for programs, and for devices.")
        .tag("Profile", "What others see of a user, and following.")
        .tag("Articles", "Read, publish, change.")
        .tag("Favorites", "What readers like.")
        .tag("Comments", "What readers say to an article.")
        .tag("Tags", "What articles are about.")
        .tag("Article", "Articles as a declared resource.")
        .tag("Comment", "Comments as a declared resource.")
        .tag("Notifications", "What one was told, and wants to be told.")
        .tag("Tag", "Tags as a declared resource.")
        .tag("User", "Users as a declared resource.")
}
