//! From names in the code to tables and labels.

/// `BlogPost` as `blog_post`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let letters: Vec<char> = name.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let begins_word = letter.is_uppercase()
            && index > 0
            && (!letters[index - 1].is_uppercase()
                || letters.get(index + 1).is_some_and(|next| next.is_lowercase()));
        if begins_word && letters[index - 1] != '_' {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// The table of a model: `Article` has `articles`, `Category` has `categories`.
pub(crate) fn table(model: &str) -> String {
    let name = snake(model);
    let consonant_y = name.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    if let Some(stem) = consonant_y {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|end| name.ends_with(end));
    format!("{name}{}", if hisses { "es" } else { "s" })
}

/// `similar_tags` as `SimilarTags`.
pub(crate) fn pascal(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    name.split('_').map(capital).collect()
}

/// `published_at` as `Published at`.
pub(crate) fn label(name: &str) -> String {
    let words = snake(name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{label, pascal, snake, table};

    #[test]
    fn finds_tables_and_labels() {
        let tables = ["Article", "ArticleTag", "Category", "Day", "Status", "Box", "HTTPRequest"].map(table);
        assert_eq!(
            tables,
            ["articles", "article_tags", "categories", "days", "statuses", "boxes", "http_requests"]
        );
        assert_eq!(pascal("similar_tags"), "SimilarTags");
        assert_eq!(snake("OAuth2Token"), "o_auth2_token");
        assert_eq!(label("published_at"), "Published at");
        assert_eq!(label("InReview"), "In review");
    }
}
