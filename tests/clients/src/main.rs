//! An application that uses everything that a document can have. The tests beside it lint its document, and drive it by the client
//! that is made from it.

mod bodies;
mod guards;
mod names;
mod shapes;
mod streams;
mod uploads;

use mainstay::prelude::*;

#[mainstay::main]
fn app() -> App {
    App::new()
        .module(Module::new("shapes").routes(routes![shapes::echo, shapes::tree, shapes::page, shapes::find]))
        .routes(routes![
            bodies::form,
            bodies::upload,
            bodies::publish,
            bodies::store,
            bodies::text,
            bodies::parse,
            bodies::picture
        ])
        .routes(routes![bodies::report, bodies::hello, bodies::make, bodies::nothing, bodies::any])
        .routes(routes![streams::lines, streams::events, streams::texts])
        .resumable_uploads(ResumableUploads::new(routes![uploads::film]))
        .routes(routes![
            guards::by_token,
            guards::by_password,
            guards::by_key,
            guards::by_cookie,
            guards::both,
            guards::either
        ])
        .routes(routes![
            names::delete,
            names::constructor,
            names::same,
            names::inherited,
            names::outdated,
            names::headers
        ])
        .api(
            Api::new()
                .title("Everything")
                .version("2.0.0")
                .description("Whatever a document can have.")
                .terms("https://example.org/terms")
                .contact("The team", "team@example.org")
                .license("MIT OR Apache-2.0")
                .external_docs("https://example.org/book", "The book.")
                .server("https://example.org/api")
                .server("https://staging.example.org/api")
                .tag("shapes", "What *values* can look like.")
                .tag("Bodies", "What requests and answers can be made of.")
                .tag("Streams", "Answers that come piece by piece.")
                .tag("Guards", "Who may call.")
                .tag("class", "Names that mean something in JavaScript."),
        )
}
