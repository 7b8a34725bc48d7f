//! What serde says about a document, taken apart.
//!
//! `serde_json` tells its failures as text only. The first words of that text are fixed by serde's `de::Error` trait
//! and by its derive macros; what does not begin with them is shown as it is.

use mainstay_core::{Fault, redaction};

use super::{pointer, words};

/// One failure of `serde_json`, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) code: &'static str,
    message: String,
    /// The member that the failure is about, inside the place where reading stopped.
    member: Option<String>,
    /// What serde wanted, in its own words; empty where it does not say.
    pub(crate) wanted: String,
}

impl Diagnosis {
    /// Takes a message apart. `text` is without `at line 1 column 2`.
    pub(crate) fn of(text: &str) -> Self {
        let plain = |code, message| Self { code, message, member: None, wanted: String::new() };
        let wanting = |code, wanted: &str, found: &str| {
            let message = format!("expected {}, found {found}", words::expected(wanted));
            Self { wanted: wanted.to_owned(), ..plain(code, message) }
        };
        if let Some((found, expected)) =
            text.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
        {
            return wanting("type", expected, &words::found(found));
        }
        if let Some((found, expected)) =
            text.strip_prefix("invalid value: ").and_then(|rest| rest.rsplit_once(", expected "))
        {
            return wanting("value", expected, &words::found(found));
        }
        if let Some((found, expected)) =
            text.strip_prefix("invalid length ").and_then(|rest| rest.split_once(", expected "))
        {
            return wanting("length", expected, found);
        }
        if let Some(name) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            let message = "it is required, and missing".to_owned();
            return Self { member: Some(name.to_owned()), ..plain("required", message) };
        }
        if let Some(name) = text.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
            let message = "it is given more than once".to_owned();
            return Self { member: Some(name.to_owned()), ..plain("repeated", message) };
        }
        if let Some((name, rest)) =
            text.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, "))
        {
            let message = match rest.strip_prefix("expected ") {
                Some(known) => {
                    format!("it is not known here; known is {known}").replace("known is one of", "known are")
                }
                None => "it is not known here".to_owned(),
            };
            return Self { member: Some(name.to_owned()), ..plain("unknown_field", message) };
        }
        if let Some((found, rest)) =
            text.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, "))
        {
            let expected = rest.strip_prefix("expected ").unwrap_or("nothing");
            return wanting("choice", expected, &format!("`{}`", words::clip(found)));
        }
        if text.starts_with("data did not match any variant") {
            return plain("choice", "it has none of the forms that are accepted here".to_owned());
        }
        plain("invalid", words::clip_to(text.trim_end_matches('.'), 200).into_owned())
    }

    /// The fault, for a failure at `place`.
    pub(crate) fn into_fault(self, mut place: String) -> Fault {
        if let Some(member) = &self.member {
            let step = pointer::of_key(member);
            // Whether the path already leads to the member depends on where serde noticed.
            if self.code == "required" || !place.ends_with(&step) {
                place.push_str(&step);
            }
        }
        let is_secret = redaction::is_secret(place.rsplit('/').next().unwrap_or_default());
        let message = match self.message.split_once(", found ") {
            // What was sent is told to whoever sent it, and to the log.
            Some(_) if is_secret => {
                format!("expected {}, found something else", words::expected(&self.wanted))
            }
            _ => self.message,
        };
        let fault = Fault::new(place, self.code, message);
        match self.wanted.as_str() {
            "" => fault,
            wanted => fault.with("expected", words::expected(wanted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (String, String) {
        let fault = Diagnosis::of(text).into_fault("/a".to_owned());
        (format!("{} {}", fault.pointer, fault.code), fault.message)
    }

    #[test]
    fn translates_what_serde_says() {
        let (place, message) = said("invalid type: string \"a, expected b\", expected u8");
        assert_eq!(place, "/a type");
        assert_eq!(message, "expected an integer from 0 to 255, found the string \"a, expected b\"");
        assert_eq!(
            said("invalid value: integer `300`, expected u8").1,
            "expected an integer from 0 to 255, found the integer `300`"
        );
        assert_eq!(said("invalid length 1, expected a tuple of size 2").1, "expected a list of 2, found 1");
        assert_eq!(said("missing field `name`").0, "/a/name required");
        assert_eq!(
            said("unknown field `b`, expected `c`"),
            ("/a/b unknown_field".into(), "it is not known here; known is `c`".into())
        );
        assert_eq!(
            said("unknown field `b`, expected one of `c`, `d`").1,
            "it is not known here; known are `c`, `d`"
        );
        assert_eq!(said("unknown field `b`, there are no fields").1, "it is not known here");
        assert_eq!(said("unknown variant `x`, expected `y` or `z`").1, "expected `y` or `z`, found `x`");
        assert_eq!(said("must be even.").1, "must be even");
    }

    #[test]
    fn does_not_repeat_a_member_that_the_path_leads_to() {
        assert_eq!(said("duplicate field `a`").0, "/a repeated");
        assert_eq!(said("missing field `a`").0, "/a/a required");
    }
}
