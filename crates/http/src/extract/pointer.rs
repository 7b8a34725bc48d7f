//! JSON pointers (RFC 6901) to the place of a fault in a body.

use mainstay_core::pointer::escaped;
use serde_path_to_error::{Path, Segment};

/// The pointer to a member of the outermost object.
pub(crate) fn of_key(key: &str) -> String {
    let mut pointer = String::with_capacity(key.len() + 1);
    push(&mut pointer, key);
    pointer
}

/// The pointer to where reading stopped. Empty for the document itself.
pub(crate) fn of_path(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { variant } => push(&mut pointer, variant),
            // Behind a buffer, such as that of an untagged enum: nothing more is known.
            Segment::Unknown => break,
        }
    }
    pointer
}

/// Adds one step.
pub(crate) fn push(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&escaped(step));
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_what_a_pointer_must_escape() {
        assert_eq!(super::of_key("a/b~c"), "/a~1b~0c");
    }
}
