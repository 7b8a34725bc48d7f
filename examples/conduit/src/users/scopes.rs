//! What tokens are good for that people make for programs.
//!
//! A limited token opens what asks for its scope, and nothing else: the second version of the API is shut to it.

/// See one's own account.
pub const READ_ACCOUNT: &str = "account.read";
/// Read articles, one's feed among them.
pub const READ_ARTICLES: &str = "articles.read";
/// Publish, change and remove articles.
pub const WRITE_ARTICLES: &str = "articles.write";
/// Comment.
pub const WRITE_COMMENTS: &str = "comments.write";
/// Like and follow.
pub const WRITE_FAVORITES: &str = "favorites.write";

/// All of them, and what they mean to the owner of a token.
pub(super) const ALL: [(&str, &str); 5] = [
    (READ_ACCOUNT, "See your account, with your address"),
    (READ_ARTICLES, "Read articles, your feed among them"),
    (WRITE_ARTICLES, "Publish, change and remove your articles"),
    (WRITE_COMMENTS, "Comment, and take your comments back"),
    (WRITE_FAVORITES, "Like articles, and follow people"),
];
