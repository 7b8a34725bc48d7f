//! Pages to look at what was sent, in development: with any other profile there are no such routes.
//!
//! | address | |
//! |---|---|
//! | `GET /_mainstay/mails` | the last mails |
//! | `GET /_mainstay/mails/{id}` | one: headers, text, and its page in a frame |
//! | `GET /_mainstay/mails/{id}/html` | that page, which may run nothing and fetch nothing but pictures |
//! | `GET /_mainstay/mails/{id}/files/{index}` | a file that came with it, to be kept |

use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use http::{HeaderMap, Method};
use mainstay_core::error::OrNotFound;
use mainstay_core::keys::base64;
use mainstay_core::{Resolver, Result};
use mainstay_http::files::File;
use mainstay_http::{Html, Route, Routes};
use mainstay_view::{Views, context};
use serde::Serialize;

use crate::address::Mailbox;
use crate::mailer::Mailer;
use crate::message::Message;

/// A mail is shown as it would be in a mail program, and can do even less: no script, no form, no way to the rest of the application.
const NOTHING: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: https: http:; frame-ancestors 'self'";

/// The pages.
pub(crate) fn routes() -> Routes {
    let pages = [
        Route::new(Method::GET, "/_mainstay/mails", list),
        Route::new(Method::GET, "/_mainstay/mails/{id}", show),
        Route::new(Method::GET, "/_mainstay/mails/{id}/html", page),
        Route::new(Method::GET, "/_mainstay/mails/{id}/files/{index}", file),
    ];
    pages
        .into_iter()
        .map(|route| route.in_development().describe(|operation| operation.hidden = true))
        .collect()
}

/// A mail in the list.
#[derive(Serialize)]
struct Line {
    id: String,
    subject: String,
    to: String,
    date: String,
    shown_date: String,
}

impl From<&Message> for Line {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id.clone(),
            subject: message.subject.clone(),
            to: names(message.recipients()),
            date: message.date.to_rfc3339(),
            shown_date: message.date.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

fn names<'a>(mailboxes: impl IntoIterator<Item = &'a Mailbox>) -> String {
    mailboxes.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

// From the container, and not as an `Inject`: that would be a need of the application, which may send nothing.
async fn list(views: Views, Extension(resolver): Extension<Resolver>) -> Result<Html<String>> {
    let mails = resolver.get::<Mailer>().await?.kept().await?;
    let mails: Option<Vec<Line>> = mails.map(|mails| mails.iter().map(Line::from).collect());
    views.render("mail/list.html", context! { mails })
}

async fn show(
    views: Views,
    Extension(resolver): Extension<Resolver>,
    Path(id): Path<String>,
) -> Result<Html<String>> {
    let mail = find(&resolver, &id).await?;
    let lists = [("To", &mail.to), ("Cc", &mail.cc), ("Bcc", &mail.bcc), ("Reply-To", &mail.reply_to)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let mut fields = vec![("From", mail.from.to_string()), ("Date", mail.date.to_rfc2822())];
    fields.extend(lists.map(|(name, list)| (name, names(list))));
    fields.extend(mail.headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let links: Vec<_> = mail.links().collect();
    let files = mail.attachments.iter().enumerate();
    let files: Vec<_> = files
        .map(|(index, file)| {
            context! { index, name => &file.name, content_type => &file.content_type, size => file.bytes.len() }
        })
        .collect();
    let mail = context! { id => &mail.id, subject => &mail.subject, text => &mail.text, html => mail.html.is_some() };
    views.render("mail/show.html", context! { mail, fields, links, files })
}

async fn page(Extension(resolver): Extension<Resolver>, Path(id): Path<String>) -> Result<Response> {
    let mail = find(&resolver, &id).await?;
    let mut html = mail.html.or_not_found("This mail has text alone.")?;
    // Mail programs have these pictures beside the page; here there is nothing beside it.
    for file in mail.attachments.iter().filter(|file| file.is_embedded) {
        for quote in ['"', '\''] {
            let data =
                format!("{quote}data:{};base64,{}{quote}", file.content_type, base64::encode(&file.bytes));
            html = html.replace(&format!("{quote}cid:{}{quote}", file.name), &data);
        }
    }
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, NOTHING),
        (X_FRAME_OPTIONS, "SAMEORIGIN"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, html).into_response())
}

async fn file(
    Extension(resolver): Extension<Resolver>,
    Path((id, index)): Path<(String, usize)>,
    headers: HeaderMap,
    method: Method,
) -> Result<Response> {
    let mail = find(&resolver, &id).await?;
    let file = mail.attachments.into_iter().nth(index).or_not_found("The mail has no such file.")?;
    // To be kept, and not to be shown: it may be a page with scripts.
    Ok(File::from_bytes(&file.name, file.bytes).attachment(&file.name).respond(&headers, &method))
}

async fn find(resolver: &Resolver, id: &str) -> Result<Message> {
    let mails = resolver.get::<Mailer>().await?.kept().await?.unwrap_or_default();
    mails.into_iter().find(|mail| mail.id == id).or_not_found("There is no such mail.")
}
