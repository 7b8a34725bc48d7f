//! Rows and pages as responses.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mainstay_core::Result;
use mainstay_core::error::Context;
use mainstay_http::extract::{EntityTag, EntityTags, Header, IfNoneMatch};
use mainstay_resource::list::Position;
use mainstay_resource::{Listing, Record, Saved};
use serde_json::json;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One row with its tag.
fn record(record: Record) -> Result<Response> {
    let (_, tag) = entity_tag(record.tag())?;
    Ok(tagged(record, tag))
}

fn tagged(record: Record, tag: HeaderValue) -> Response {
    let mut response = body(record.json);
    response.headers_mut().insert(header::ETAG, tag);
    response
}

/// One row, unless the client has it already. Only a whole one has a tag: a part of it is another representation.
pub(super) fn shown(record: Record, is_whole: bool, headers: &HeaderMap) -> Result<Response> {
    let known = Header::<IfNoneMatch>::of(headers)?;
    if !is_whole {
        return Ok(body(record.json));
    }
    let (tag, value) = entity_tag(record.tag())?;
    match known {
        Some(Header(known)) if !known.holds(Some(&tag)) => {
            Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value)]).into_response())
        }
        _ => Ok(tagged(record, value)),
    }
}

pub(super) fn entity_tag(tag: String) -> Result<(EntityTag, HeaderValue)> {
    let tag = EntityTag::strong(tag);
    let value = HeaderValue::try_from(tag.to_string()).context("the tag of a row")?;
    Ok((tag, value))
}

/// A row that was changed, or nothing for who may not see it.
pub(super) fn saved(saved: Saved) -> Result<Response> {
    match saved.record {
        Some(record) => self::record(record),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Where a new row is, and the row for who may see it.
pub(super) fn created(saved: Saved, address: &str) -> Result<Response> {
    let key: String = form_urlencoded::byte_serialize(saved.key.as_bytes()).collect();
    // In a path, a plus sign is one.
    let location = format!("{address}/{}", key.replace('+', "%20"));
    let mut response = self::saved(saved)?;
    *response.status_mut() = StatusCode::CREATED;
    let location = HeaderValue::try_from(location).context("the address of a row")?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Some rows, and the way to the others (RFC 8288).
pub(super) fn listing(listing: Listing, address: &str, query: Option<&str>) -> Result<Response> {
    let items: Vec<_> = listing.records.into_iter().map(|record| record.json).collect();
    let mut json = format!("{{\"items\":[{}]", items.join(","));
    let mut links = Vec::new();
    let mut link = |relation: &str, part: &[(&str, String)]| {
        links.push(format!("<{address}?{}>; rel=\"{relation}\"", with(query, part)));
    };
    match listing.part {
        Position::Page { page, per_page, pages, total } => {
            json.push_str(&format!(
                ",\"total\":{total},\"page\":{page},\"per_page\":{per_page},\"pages\":{pages}"
            ));
            let part = |page: u64| [("page", page.to_string()), ("per_page", per_page.to_string())];
            link("first", &part(1));
            if page > 1 {
                link("prev", &part((page - 1).min(pages.max(1))));
            }
            if page < pages {
                link("next", &part(page + 1));
            }
            link("last", &part(pages.max(1)));
        }
        Position::Cursor { next, previous } => {
            json.push_str(&format!(",\"next\":{},\"previous\":{}", json!(next), json!(previous)));
            if let Some(previous) = previous {
                link("prev", &[("before", previous)]);
            }
            if let Some(next) = next {
                link("next", &[("after", next)]);
            }
        }
    }
    json.push('}');
    let mut response = body(json);
    if !links.is_empty() {
        let links = HeaderValue::try_from(links.join(", ")).context("the links of a page")?;
        response.headers_mut().insert(header::LINK, links);
    }
    Ok(response)
}

/// The query with another part of the rows.
fn with(query: Option<&str>, part: &[(&str, String)]) -> String {
    let of_part = ["page", "per_page", "after", "before"];
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut written = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.filter(|(name, _)| !of_part.contains(&name.as_ref())) {
        written.append_pair(&name, &value);
    }
    for (name, value) in part {
        written.append_pair(name, value);
    }
    written.finish()
}

fn body(json: String) -> Response {
    let mut response = Body::from(json).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// The tags that a row may have; none if it may have any. A tag names the state of the row and not the bytes of an answer, so
/// that its weak form, which an answer has once it was compressed, says the same.
pub(super) fn tags_of(tags: EntityTags) -> Option<Vec<String>> {
    match tags {
        EntityTags::Any => None,
        EntityTags::Listed(tags) => Some(tags.into_iter().map(|tag| tag.tag).collect()),
    }
}
