//! What each rule is called by programs, and what it says to people.
//!
//! garde hands on one text for each fault. It lets the words be chosen, so the code travels in front of them.

use std::borrow::Cow;
use std::fmt::Display;

use garde::i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind};
use mainstay_core::Fault;

/// Parts the code from the words; no rule of ours and no text for people has this character.
const PART: char = '\u{1f}';

pub(super) struct Words;

/// The fault that a message tells of, at `pointer`. One that a custom rule wrote has no code of its own.
pub(super) fn fault(pointer: String, message: &str) -> Fault {
    let mut parts = message.split(PART);
    match (parts.next(), parts.next()) {
        (Some(code), Some(words)) => {
            let fault = Fault::new(pointer, code.to_owned(), words);
            let params = parts.filter_map(|param| param.split_once('='));
            params.fold(fault, |fault, (name, value)| fault.with(name.to_owned(), value))
        }
        _ => Fault::new(pointer, "invalid", message),
    }
}

fn say(code: &str, words: impl Display) -> Cow<'static, str> {
    format!("{code}{PART}{words}").into()
}

/// With something that the words speak of.
fn say_with(code: &str, words: impl Display, (name, value): (&str, &dyn Display)) -> Cow<'static, str> {
    format!("{code}{PART}{words}{PART}{name}={value}").into()
}

impl I18n for Words {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        if min == 1 {
            say_with("too_short", "must not be empty", ("min", &min))
        } else {
            say_with("too_short", format_args!("must be at least {min} long"), ("min", &min))
        }
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        say_with("too_long", format_args!("must be at most {max} long"), ("max", &max))
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        say_with("too_small", format_args!("must be at least {min}"), ("min", &min))
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        say_with("too_large", format_args!("must be at most {max}"), ("max", &max))
    }

    fn credit_card_invalid(&self, _: InvalidCreditCard) -> Cow<'static, str> {
        say("credit_card", "must be the number of a credit card")
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say_with("pattern", format_args!("must match `{pattern}`"), ("pattern", &pattern))
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say_with("contains", format_args!("must contain `{pattern}`"), ("pattern", &pattern))
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        say_with("url", format_args!("must be a URL: {reason}"), ("reason", &reason))
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say_with("prefix", format_args!("must begin with `{pattern}`"), ("pattern", &pattern))
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say_with("suffix", format_args!("must end with `{pattern}`"), ("pattern", &pattern))
    }

    fn phone_number_invalid(&self, _: InvalidPhoneNumber) -> Cow<'static, str> {
        say("phone", "must be a phone number")
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        say_with("ip", format_args!("must be an {kind} address"), ("kind", &kind))
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        say_with("mismatch", format_args!("must be the same as `{field}`"), ("field", &field))
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        say_with("email", format_args!("must be an email address: {reason}"), ("reason", &reason))
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        say("ascii", "must be plain ASCII")
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        say("alphanumeric", "must be letters and digits only")
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        say("required", "must be given")
    }
}
