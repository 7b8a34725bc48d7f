//! Steps of JSON pointers (RFC 6901, section 3): how places of faults are written.

/// A name as a step of a pointer.
///
/// ```
/// use mainstay_core::pointer::{escaped, unescaped};
///
/// assert_eq!(escaped("a/b~c"), "a~1b~0c");
/// assert_eq!(unescaped("a~1b~0c"), "a/b~c");
/// ```
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name of a step.
pub fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
