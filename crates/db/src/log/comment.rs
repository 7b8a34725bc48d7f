//! Who asks, as a comment of each statement: `SELECT … /* route=/articles/{slug} */`, for whoever looks at the statistics of
//! the server.
//!
//! It names the route and nothing else. A statement is then prepared once for each route that runs it, and not for each
//! request.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use mainstay_core::origin::Origin;

/// The most texts that are kept. There are so many only if the application writes its SQL anew each time.
const MOST: usize = 4096;

type Texts = HashMap<(Origin, Arc<str>), Arc<str>>;

/// The texts with their comments. Drivers cache by text, so the same text is handed out each time.
#[derive(Default)]
pub(crate) struct Comments(Mutex<Texts>);

impl fmt::Debug for Comments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comments").finish_non_exhaustive()
    }
}

impl Comments {
    /// The statement with the comment that names what the running task works for, if that is known.
    pub(crate) fn add(&self, sql: Arc<str>) -> Arc<str> {
        let Some(origin) = Origin::current() else { return sql };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        let text = || format!("{sql} /* route={} */", tame(origin.as_str())).into();
        Arc::clone(kept.entry((origin.clone(), Arc::clone(&sql))).or_insert_with(text))
    }
}

/// Without what could end a comment or be taken for a placeholder.
fn tame(name: &str) -> String {
    let tame = |letter: char| letter.is_alphanumeric() || "/_-.{}".contains(letter);
    name.chars().filter(|letter| tame(*letter)).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commented(route: &str) -> String {
        Origin::new(route).sync_scope(|| Comments::default().add("SELECT 1".into()).to_string())
    }

    #[test]
    fn names_the_route_and_cannot_be_left() {
        assert_eq!(commented("/articles/{slug}"), "SELECT 1 /* route=/articles/{slug} */");
        assert_eq!(commented("/files/{*path}"), "SELECT 1 /* route=/files/{path} */");
        assert_eq!(commented("/*/ */; DROP TABLE users; -- ?"), "SELECT 1 /* route=///DROPTABLEusers-- */");
    }

    #[test]
    fn hands_out_the_same_text_each_time() {
        let (comments, sql) = (Comments::default(), Arc::<str>::from("SELECT 1"));
        assert!(Arc::ptr_eq(&comments.add(Arc::clone(&sql)), &sql), "nothing is known: nothing is added");
        Origin::new("/").sync_scope(|| {
            assert!(Arc::ptr_eq(&comments.add(Arc::clone(&sql)), &comments.add(Arc::clone(&sql))));
        });
    }
}
