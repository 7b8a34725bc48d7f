//! Slugs: what an article's address ends with.

use mainstay::core::random::Random;

/// The longest part that comes from the title.
const LONGEST: usize = 100;

/// A slug from a title: its ASCII letters and digits, and twelve random digits, so that many articles may have one title, or none
/// that leaves anything.
pub fn from_title(title: &str, random: &dyn Random) -> String {
    let mut slug = String::new();
    for word in title.split(|ch: char| !ch.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + word.len() >= LONGEST {
            break;
        }
        slug.push_str(&word.to_ascii_lowercase());
        slug.push('-');
    }
    if slug.is_empty() {
        slug.push_str("article-");
    }
    let mut tail = [0; 8];
    random.fill(&mut tail[2..]);
    slug + &format!("{:012x}", u64::from_be_bytes(tail))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mainstay::core::random::SeededRandom;

    use super::from_title;

    #[test]
    fn keeps_what_an_address_can_hold() {
        let slug = |title: &str| from_title(title, &SeededRandom::new(1));
        assert!(slug("Hello, World! 2").starts_with("hello-world-2-"));
        assert!(slug("日本語").starts_with("article-"));
        assert!(slug(&"long ".repeat(100)).len() <= 120);
        assert!(slug(&"x".repeat(200)).len() <= 120);
    }

    #[test]
    fn tells_articles_of_one_title_apart() {
        let random = SeededRandom::new(1);
        let slugs: BTreeSet<_> = (0..10_000).map(|_| from_title("", &random)).collect();
        assert_eq!(slugs.len(), 10_000);
    }
}
