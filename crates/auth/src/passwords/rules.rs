//! Which passwords people may choose: long enough, not one that everybody tries first, and not their own name.
//!
//! That is what NIST SP 800-63B asks for and no more: rules about digits and signs make passwords that are harder to remember and no
//! harder to guess.
//!
//! `common.bin` is made of the list that Django has collected: 20,000 passwords that were found most often where passwords were stolen.
//! Of each it has a hash of 32 bits (FNV-1a of 64 bits, its halves folded by exclusive or; little-endian, sorted). One password in some
//! 200,000 that is not on the list looks as if it were: its owner chooses another.

use mainstay_core::{Error, Fault, Result};

use super::LONGEST;

static COMMON: &[u8] = include_bytes!("common.bin");

/// How much may be around a common password without making it another: `sunshine2024!`.
const DISGUISE: usize = 5;

/// The shortest name that a password may not have in it.
const NAME: usize = 4;

/// Which passwords may be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// In characters.
    pub(super) shortest: usize,
}

impl Rules {
    /// What is wrong with a password of somebody who is called `names`.
    pub(super) fn fault(self, field: &str, password: &str, names: &[String]) -> Option<Fault> {
        let pointer = format!("/{field}");
        if password.chars().count() < self.shortest {
            let told = format!("A password has at least {} characters.", self.shortest);
            return Some(Fault::new(pointer, "password_too_short", told).with("min", self.shortest));
        }
        if password.len() > LONGEST {
            let told = format!("A password has at most {LONGEST} bytes.");
            return Some(Fault::new(pointer, "password_too_long", told).with("max", LONGEST));
        }
        let lower = password.to_lowercase();
        if is_common(&lower) || is_monotonous(&lower) {
            let told = "This password is one of those that are tried first. Choose another.";
            return Some(Fault::new(pointer, "password_too_common", told));
        }
        if names.iter().any(|name| is_named_after(&lower, &name.to_lowercase())) {
            let told = "The password must not be like your name or address.";
            return Some(Fault::new(pointer, "password_like_name", told));
        }
        None
    }

    pub(super) fn check(self, field: &str, password: &str, names: &[String]) -> Result<()> {
        match self.fault(field, password, names) {
            Some(fault) => Err(Error::invalid(vec![fault])),
            None => Ok(()),
        }
    }
}

/// Whether everybody tries it first, as it is or with a few signs before and after.
fn is_common(password: &str) -> bool {
    let core = password.trim_matches(|c: char| !c.is_alphabetic());
    let around = password.chars().count() - core.chars().count();
    is_listed(password) || (core.len() >= NAME && around <= DISGUISE && is_listed(core))
}

/// Whether it is one sign, or a few, again and again, or signs in a row: `aaaaaaaa`, `abababab`, `12345678`, `hgfedcba`.
fn is_monotonous(password: &str) -> bool {
    let signs: Vec<u32> = password.chars().map(u32::from).collect();
    let repeats = (1..=3).any(|period| signs.iter().zip(signs.iter().skip(period)).all(|(a, b)| a == b));
    let steps = |step: i64| signs.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == step);
    repeats || steps(1) || steps(-1)
}

/// Whether a name, or the part of an address before the `@`, is most of it.
fn is_named_after(password: &str, name: &str) -> bool {
    let parts = [name, name.split('@').next().unwrap_or_default()];
    parts.into_iter().any(|part| {
        let (whole, named) = (password.chars().count(), part.chars().count());
        named >= NAME && password.contains(part) && whole <= named + DISGUISE
    })
}

fn is_listed(password: &str) -> bool {
    let wanted = fingerprint(password);
    let (entries, _) = COMMON.as_chunks::<4>();
    entries.binary_search_by_key(&wanted, |entry| u32::from_le_bytes(*entry)).is_ok()
}

/// FNV-1a (Fowler, Noll, Vo), folded.
fn fingerprint(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(password: &str, names: &[&str]) -> Option<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Rules { shortest: 8 }.fault("password", password, &names).map(|fault| fault.code.into_owned())
    }

    #[test]
    fn refuses_what_everybody_tries_first() {
        for common in [
            "password",
            "Sunshine2024!",
            "123456789",
            "qwertyuiop",
            "xxxxxxxxxx",
            "abcabcabc",
            "hgfedcba",
            "iloveyou",
        ] {
            assert_eq!(said(common, &[]).as_deref(), Some("password_too_common"), "{common}");
        }
        for good in ["correct horse", "tr3s bien merci", "пароль для Анны", "sunshine over rain"]
        {
            assert_eq!(said(good, &[]), None, "{good}");
        }
    }

    #[test]
    fn counts_characters_and_not_bytes() {
        assert_eq!(said("schön es", &[]), None);
        assert_eq!(said("ööööxyz", &[]).as_deref(), Some("password_too_short"));
        assert_eq!(said(&"lang ".repeat(300), &[]).as_deref(), Some("password_too_long"));
    }

    #[test]
    fn refuses_names_with_a_little_around_them() {
        let names = ["Annabel.Smith@example.org", "Bo"];
        assert_eq!(said("annabel.smith1!", &names).as_deref(), Some("password_like_name"));
        assert_eq!(said("annabel.smith@example.org", &names).as_deref(), Some("password_like_name"));
        assert_eq!(said("annabel.smith has a dog", &names), None);
        assert_eq!(said("bobsleigh run", &names), None);
    }

    #[test]
    fn the_list_is_sorted_and_whole() {
        let (entries, rest) = COMMON.as_chunks::<4>();
        assert!(rest.is_empty() && entries.len() > 19_000);
        assert!(entries.is_sorted_by_key(|entry| u32::from_le_bytes(*entry)));
    }
}
