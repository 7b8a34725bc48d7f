//! Conduit: the RealWorld application, a place to publish and read articles.
//!
//! Each part is a module: its model, its handlers, and what it shows of them.
//!
//! | Module | What it has |
//! |---|---|
//! | [`users`] | who writes; the token that a writer sends; the command `token` |
//! | [`articles`] | list, read, publish |
//! | [`tags`] | what articles are about |
//! | [`home`] | the start page |
//! | [`seed`] | the content of the first start in development |

pub mod articles;
pub mod home;
pub mod seed;
pub mod tags;
pub mod users;

use mainstay::prelude::*;

/// The application: what the program runs, and what the tests start.
pub fn app() -> App {
    App::new()
        .module(users::module())
        .module(tags::module())
        .module(articles::module())
        .module(home::module())
        .migrations(migrations!())
        .seed("authors and articles", seed::fill)
        .api(Api::new().title("Conduit").description("A place to publish and read articles."))
}
