//! Pages by number, or by offset and limit. Pages by cursor are beside.

use serde::{Deserialize, Serialize};

/// The most rows of a page: what a client may ask for must not fill the memory.
pub(super) const MOST: u64 = 1_000;
pub(super) const USUAL: u64 = 20;

/// Which page. As a query string: `?page=3&per_page=50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Asked")]
pub struct PageRequest {
    offset: u64,
    limit: u64,
}

#[derive(Deserialize)]
struct Asked {
    page: Option<u64>,
    per_page: Option<u64>,
}

impl From<Asked> for PageRequest {
    fn from(asked: Asked) -> Self {
        Self::number(asked.page.unwrap_or(1), asked.per_page.unwrap_or(USUAL))
    }
}

impl PageRequest {
    /// Page `number`, counted from 1, of `size` rows (1 to 1,000).
    pub fn number(number: u64, size: u64) -> Self {
        let limit = size.clamp(1, MOST);
        Self { offset: number.saturating_sub(1).saturating_mul(limit), limit }
    }

    /// `limit` rows (1 to 1,000) after the first `offset`.
    pub fn slice(offset: u64, limit: u64) -> Self {
        Self { offset, limit: limit.clamp(1, MOST) }
    }

    /// How many rows come before it.
    pub fn offset(self) -> u64 {
        self.offset
    }

    /// The most rows that it has.
    pub fn limit(self) -> u64 {
        self.limit
    }

    /// How many rows there are in all, if this page tells it by having `read` of them: it is neither full nor empty.
    pub(super) fn total_by(self, read: usize) -> Option<u64> {
        let read = read as u64;
        (read < self.limit && (read > 0 || self.offset == 0)).then_some(self.offset + read)
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self::number(1, USUAL)
    }
}

impl From<u64> for PageRequest {
    fn from(number: u64) -> Self {
        Self::number(number, USUAL)
    }
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// How many rows there are on all pages.
    pub total: u64,
    /// The number of this page, from 1.
    pub page: u64,
    /// The most rows that a page has.
    pub per_page: u64,
    /// How many pages there are.
    pub pages: u64,
}

impl<T> Page<T> {
    pub(crate) fn new(items: Vec<T>, total: u64, request: PageRequest) -> Self {
        Self {
            items,
            total,
            page: request.offset / request.limit + 1,
            per_page: request.limit,
            pages: total.div_ceil(request.limit),
        }
    }

    /// The same page of something made from its rows.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, total, page, per_page, pages } = self;
        Page { items: items.into_iter().map(make).collect(), total, page, per_page, pages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_a_client_asks_for_within_bounds() {
        assert_eq!(PageRequest::number(3, 50), PageRequest::slice(100, 50));
        assert_eq!(PageRequest::number(0, 0), PageRequest::slice(0, 1));
        assert_eq!(PageRequest::number(2, 1_000_000).limit(), 1_000);
        assert_eq!(PageRequest::number(u64::MAX, 1_000).offset(), u64::MAX);
        let asked: PageRequest = serde_json::from_str(r#"{"page": 2, "per_page": 5}"#).unwrap();
        assert_eq!(asked, PageRequest::slice(5, 5));
        assert_eq!(serde_json::from_str::<PageRequest>("{}").unwrap(), PageRequest::default());
    }

    #[test]
    fn counts_pages() {
        let page = Page::new(vec![1, 2], 12, PageRequest::number(2, 5)).map(|number| number * 2);
        assert_eq!((page.items, page.page, page.pages, page.total), (vec![2, 4], 2, 3, 12));
    }
}
