//! Byte ranges (RFC 9110, section 14).

use std::ops::Range;

/// More ranges than this in one request are an attack or a mistake.
const MOST: usize = 16;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole: there is no range, or none that has to be honoured.
    Whole,
    /// These parts, at least one, each within the file and not empty.
    Parts(Vec<Range<u64>>),
    /// Nothing that the file has.
    Nothing,
}

/// Reads a `Range` header for a file of this length.
///
/// A header that is malformed is ignored, as the standard has it; so is one that asks for many ranges, or for more in
/// sum than the whole.
pub(super) fn wanted(header: &str, length: u64) -> Wanted {
    // An empty file has no ranges; its whole answers every question.
    if length == 0 {
        return Wanted::Whole;
    }
    let Some((unit, specs)) = header.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let mut parts: Vec<Range<u64>> = Vec::new();
    let specs = specs.trim();
    if specs.is_empty() {
        return Wanted::Whole;
    }
    for (index, spec) in specs.split(',').map(str::trim).filter(|spec| !spec.is_empty()).enumerate() {
        let Some(range) = parse(spec, length) else { return Wanted::Whole };
        if index >= MOST {
            return Wanted::Whole;
        }
        parts.extend(range);
    }
    let total: u64 = parts.iter().map(|part| part.end - part.start).sum();
    if parts.is_empty() {
        Wanted::Nothing
    } else if parts.len() > 1 && total > length {
        Wanted::Whole
    } else {
        Wanted::Parts(parts)
    }
}

/// One range. `None` if it is malformed; `Some(None)` if the file has nothing of it.
fn parse(spec: &str, length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = spec.split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // What does not fit into 64 bits is beyond every file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    if first.is_empty() {
        let suffix = number(last)?;
        return Some((suffix > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first = number(first)?;
    let end = if last.is_empty() { length } else { number(last)?.saturating_add(1).min(length) };
    if !last.is_empty() && number(last)? < first {
        return None;
    }
    Some((first < length).then_some(first..end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(part: Range<u64>) -> Wanted {
        Wanted::Parts(std::iter::once(part).collect())
    }

    #[test]
    fn reads_first_and_last_open_ends_and_suffixes() {
        for (header, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=7-", 7..10),
            ("bytes=5-99999999999999999999999", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-300", 0..10),
            ("BYTES = 1-2", 1..3),
        ] {
            assert_eq!(wanted(header, 10), one(part), "{header}");
        }
        assert_eq!(wanted("bytes=0-1, 4-5,-1", 10), Wanted::Parts(vec![0..2, 4..6, 9..10]));
    }

    #[test]
    fn skips_ranges_beyond_the_end_and_says_when_none_is_left() {
        assert_eq!(wanted("bytes=0-1,50-60", 10), one(0..2));
        assert_eq!(wanted("bytes=10-", 10), Wanted::Nothing);
        assert_eq!(wanted("bytes=-0", 10), Wanted::Nothing);
    }

    #[test]
    fn ignores_what_is_malformed_foreign_or_abusive() {
        for header in
            ["bytes", "bytes=", "bytes=a-b", "bytes=5-2", "lines=1-2", "bytes=0-9,0-9", "bytes=1--2"]
        {
            assert_eq!(wanted(header, 10), Wanted::Whole, "{header}");
        }
        let many = format!("bytes={}", vec!["0-0"; 17].join(","));
        assert_eq!(wanted(&many, 1000), Wanted::Whole);
        assert_eq!(wanted("bytes=0-5", 0), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn never_leaves_the_file(header in "bytes=[-0-9, ]{0,40}", length in 0_u64..100) {
            if let Wanted::Parts(parts) = wanted(&header, length) {
                prop_assert!(!parts.is_empty());
                for part in parts {
                    prop_assert!(part.start < part.end && part.end <= length);
                }
            }
        }
    }
}
