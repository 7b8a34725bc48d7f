//! What a person sees of the flagship example, and what a browser makes of events.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod accessible;
mod events;
mod files;
mod jobs;
mod mails;
mod without_scripts;

use browser::Application;

/// One application for all pages: building its database takes longer than a page.
#[test]
fn every_page_of_the_flagship_shows_what_it_should_and_complains_of_nothing() {
    let application = Application::start().unwrap();
    for (path, expected) in [
        // The start page links to the documentation.
        ("/", ["href=\"/docs\"", "href=\"/redoc\"", "</html>"]),
        // Swagger UI has drawn operations.
        ("/docs", ["opblock-summary-path", "data-path=\"/api/articles/{slug}\"", "data-path=\"/api/tags\""]),
        // ReDoc has drawn its menu, with operations in it.
        ("/redoc", ["menu-content", "href=\"#tag/Articles/operation/", "/api/tags"]),
    ] {
        let page = application.open(path).unwrap();
        for text in expected {
            assert!(
                page.dom.contains(text),
                "{path} shows no {text}:\n{}\n{:#?}",
                excerpt(&page.dom),
                page.console
            );
        }
        assert_eq!(page.complaints(), Vec::<&str>::new(), "{path}");
    }
}

fn excerpt(dom: &str) -> String {
    dom.chars().take(3_000).collect()
}
