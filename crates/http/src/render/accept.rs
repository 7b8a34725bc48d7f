//! Who asks: a person with a browser, or a program.

use http::HeaderValue;

/// For whom an error is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Program,
    Person,
}

impl Audience {
    /// A person is who names HTML and does not like JSON as much. `*/*`, or nothing, is a program: `curl`, `fetch`.
    pub(super) fn of(accept: Option<&HeaderValue>) -> Self {
        let Some(text) = accept.and_then(|value| value.to_str().ok()) else { return Self::Program };
        let (mut html, mut json) = (0, 0);
        for range in text.split(',') {
            let mut parts = range.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let quality = parts.find_map(quality).unwrap_or(1000);
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            if is("text/html") || is("application/xhtml+xml") {
                html = html.max(quality);
            } else if is("application/json") || is("application/problem+json") || is("application/*") {
                json = json.max(quality);
            }
        }
        if html > 0 && html >= json { Self::Person } else { Self::Program }
    }
}

/// `q=0.8` in thousandths.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value: f32 = value.trim().parse().ok()?;
    Some((value.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_people_from_programs() {
        let of = |text: &'static str| Audience::of(Some(&HeaderValue::from_static(text)));
        assert_eq!(of("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Audience::Person);
        assert_eq!(of("*/*"), Audience::Program);
        assert_eq!(of("application/json, text/plain, */*"), Audience::Program);
        assert_eq!(of("application/json, text/html;q=0.5"), Audience::Program);
        assert_eq!(of("text/html;q=0"), Audience::Program);
        assert_eq!(Audience::of(None), Audience::Program);
    }
}
