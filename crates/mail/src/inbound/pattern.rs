//! Which addresses a function takes: `support@shop.example`, `support@*`, `*@shop.example`, `reply+*@shop.example`, `*`.

/// A pattern of addresses. Upper and lower case are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    local: Part,
    domain: Part,
}

/// What stands before the `@`, or after it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Exact(String),
    /// A star, and what is before and after it.
    Star(String, String),
}

impl Part {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once('*') {
            None if text.is_empty() => Err("something has to be on both sides of the `@`"),
            None => Ok(Self::Exact(text.to_owned())),
            Some((_, after)) if after.contains('*') => Err("at most one `*` is on each side of the `@`"),
            Some((before, after)) => Ok(Self::Star(before.to_owned(), after.to_owned())),
        }
    }

    /// None: it does not fit. Otherwise what the star stands for, which is at least one letter.
    fn fits<'a>(&self, text: &'a str) -> Option<Option<&'a str>> {
        match self {
            Self::Exact(exact) => text.eq_ignore_ascii_case(exact).then_some(None),
            Self::Star(before, after) => {
                let end = text.len().checked_sub(after.len()).filter(|end| *end > before.len())?;
                let (head, star, tail) =
                    (text.get(..before.len())?, text.get(before.len()..end)?, text.get(end..)?);
                let fits = head.eq_ignore_ascii_case(before) && tail.eq_ignore_ascii_case(after);
                fits.then_some(Some(star))
            }
        }
    }

    fn is_star(&self) -> bool {
        matches!(self, Self::Star(before, after) if before.is_empty() && after.is_empty())
    }
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// When it is none, with the reason.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err("no space is in it");
        }
        let (local, domain) = match text {
            "*" => ("*", "*"),
            _ => text.rsplit_once('@').ok_or("it has no `@`")?,
        };
        if local.contains('@') {
            return Err("it has one `@`");
        }
        Ok(Self { local: Part::parse(local)?, domain: Part::parse(domain)? })
    }

    /// None: it does not fit this address. Otherwise what its stars stand for, in their order, as it was written.
    pub(super) fn fits(&self, address: &str) -> Option<Vec<String>> {
        let (local, domain) = address.rsplit_once('@')?;
        let stars = [self.local.fits(local)?, self.domain.fits(domain)?];
        Some(stars.into_iter().flatten().map(str::to_owned).collect())
    }

    /// Whether it takes whatever comes, be it to no address at all.
    pub(super) fn takes_all(&self) -> bool {
        self.local.is_star() && self.domain.is_star()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stars(pattern: &str, address: &str) -> Option<String> {
        Pattern::parse(pattern).unwrap().fits(address).map(|stars| stars.join(" "))
    }

    #[test]
    fn fits_addresses_and_says_what_a_star_stands_for() {
        for (pattern, address, expected) in [
            ("support@shop.example", "support@shop.example", Some("")),
            ("support@shop.example", "Support@SHOP.Example", Some("")),
            ("support@shop.example", "support@other.example", None),
            ("support@shop.example", "support+1@shop.example", None),
            ("support@*", "support@other.example", Some("other.example")),
            ("*@shop.example", "Ann.Smith@shop.example", Some("Ann.Smith")),
            ("*@shop.example", "ann@sub.shop.example", None),
            ("*@*.shop.example", "ann@eu.shop.example", Some("ann eu")),
            ("reply+*@shop.example", "Reply+aB3@shop.example", Some("aB3")),
            ("reply+*@shop.example", "reply+@shop.example", None),
            ("reply+*@shop.example", "reply@shop.example", None),
            ("*-bounces@shop.example", "list-bounces@shop.example", Some("list")),
            ("*", "ann@shop.example", Some("ann shop.example")),
            ("*", "\"a@b\"@shop.example", Some("\"a@b\" shop.example")),
            ("aba*aba@x.example", "ababa@x.example", None),
            ("*", "ann", None),
            ("*ü@x.example", "aü@x.example", Some("a")),
            ("ü*@x.example", "aé@x.example", None),
        ] {
            assert_eq!(stars(pattern, address).as_deref(), expected, "{pattern} {address}");
        }
        assert!(Pattern::parse("*").unwrap().takes_all() && Pattern::parse("*@*").unwrap().takes_all());
        assert!(!Pattern::parse("*@shop.example").unwrap().takes_all());
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for text in [
            "",
            "support",
            "@shop.example",
            "support@",
            "*x*@shop.example",
            "a b@shop.example",
            "a@b@c",
            "**",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_address_makes_it_panic(pattern in "[a-bé*@+]{0,9}", address in "[a-bAé€@+]{0,9}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let stars = pattern.fits(&address);
                prop_assert!(stars.is_none_or(|stars| stars.iter().all(|star| address.contains(star.as_str()))));
            }
        }
    }
}
