//! Durations in attributes, as the configuration writes them: `500ms`, `30s`, `1h30m`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

/// Units in milliseconds, those first that another one begins with.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// An expression of type `Duration`.
pub(crate) fn expression(written: &LitStr) -> Result<TokenStream> {
    let millis = millis(&written.value()).ok_or_else(|| {
        Error::new(written.span(), "write a number and a unit, such as `500ms`, `30s`, `5m`, `1h30m` or `1d`")
    })?;
    Ok(quote!(::core::time::Duration::from_millis(#millis)))
}

/// A number and what follows it.
pub(crate) fn number(written: &str) -> Option<(u64, &str)> {
    let written = written.trim();
    let end = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
    Some((written[..end].parse().ok()?, written[end..].trim()))
}

/// What is written in milliseconds, if it is a duration and not nothing.
pub(crate) fn millis(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let (count, after) = number(rest)?;
        let (unit, millis) = UNITS.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        sum = sum.checked_add(count.checked_mul(millis)?)?;
        rest = &after[unit.len()..];
    }
    (sum > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn reads_what_the_configuration_reads() {
        let read = |text| millis(text);
        assert_eq!(read("500ms"), Some(500));
        assert_eq!(read("30s"), Some(30_000));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("1d"), Some(86_400_000));
        for wrong in ["", "30", "s", "-1s", "0s", "1.5h", "99999999999999999999d"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
