//! What each rule is called by programs, and what it says to people.
//!
//! garde hands on one text for each fault. It lets the words be chosen, so the code travels in front of them.

use std::borrow::Cow;
use std::fmt::Display;

use garde::i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind};

/// Parts the code from the words; no rule of ours and no text for people has this character.
const PART: char = '\u{1f}';

pub(super) struct Words;

/// Code and words of a message. One that a custom rule wrote has no code of its own.
pub(super) fn split(message: &str) -> (String, &str) {
    match message.split_once(PART) {
        Some((code, words)) => (code.to_owned(), words),
        None => ("invalid".to_owned(), message),
    }
}

fn say(code: &str, words: impl Display) -> Cow<'static, str> {
    format!("{code}{PART}{words}").into()
}

impl I18n for Words {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        if min == 1 {
            say("too_short", "must not be empty")
        } else {
            say("too_short", format_args!("must be at least {min} long"))
        }
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        say("too_long", format_args!("must be at most {max} long"))
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        say("too_small", format_args!("must be at least {min}"))
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        say("too_large", format_args!("must be at most {max}"))
    }

    fn credit_card_invalid(&self, _: InvalidCreditCard) -> Cow<'static, str> {
        say("credit_card", "must be the number of a credit card")
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say("pattern", format_args!("must match `{pattern}`"))
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say("contains", format_args!("must contain `{pattern}`"))
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        say("url", format_args!("must be a URL: {reason}"))
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say("prefix", format_args!("must begin with `{pattern}`"))
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        say("suffix", format_args!("must end with `{pattern}`"))
    }

    fn phone_number_invalid(&self, _: InvalidPhoneNumber) -> Cow<'static, str> {
        say("phone", "must be a phone number")
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        say("ip", format_args!("must be an {kind} address"))
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        say("mismatch", format_args!("must be the same as `{field}`"))
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        say("email", format_args!("must be an email address: {reason}"))
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
