//! Validation: rules that a type carries, and the faults that a value has.
//!
//! Hand-written types carry [garde](https://docs.rs/garde) rules. Every surface asks through [`Validated`], and answers
//! with every fault at once.

mod words;

use mainstay_core::{Error, Fault, Result};

/// A value that can say what is wrong with it.
///
/// ```
/// use garde::Validate;
/// use mainstay_resource::Validated;
///
/// #[derive(Validate)]
/// struct Signup {
///     #[garde(length(min = 3))]
///     name: String,
///     #[garde(range(min = 18))]
///     age: u8,
/// }
///
/// let faults = Signup { name: "Al".into(), age: 7 }.faults();
/// assert_eq!(faults.len(), 2);
/// assert_eq!(faults[1].pointer, "/name");
/// ```
pub trait Validated {
    /// What is wrong with it, each fault with the place of its field.
    fn faults(&self) -> Vec<Fault>;

    /// The value itself, if nothing is.
    ///
    /// # Errors
    /// 422 with every fault.
    fn validated(self) -> Result<Self>
    where
        Self: Sized,
    {
        let faults = self.faults();
        if faults.is_empty() { Ok(self) } else { Err(Error::invalid(faults)) }
    }
}

impl<T> Validated for T
where
    T: garde::Validate,
    T::Context: Default,
{
    fn faults(&self) -> Vec<Fault> {
        match garde::i18n::with_i18n(words::Words, || self.validate()) {
            Ok(()) => Vec::new(),
            Err(report) => {
                let fault = |(path, error): &(garde::Path, garde::Error)| {
                    words::fault(pointer(&path.to_string()), error.message())
                };
                let mut faults: Vec<_> = report.iter().map(fault).collect();
                // garde promises no order; a person reads a form from top to bottom and wants the same list twice.
                faults.sort_by(|one, other| one.pointer.cmp(&other.pointer));
                faults
            }
        }
    }
}

/// A JSON pointer (RFC 6901) from garde's path: `author.tags[2]` is `/author/tags/2`.
fn pointer(path: &str) -> String {
    let mut pointer = String::with_capacity(path.len() + 1);
    if !path.is_empty() && !path.starts_with('[') {
        pointer.push('/');
    }
    for ch in path.chars() {
        match ch {
            '.' | '[' => pointer.push('/'),
            ']' => {}
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use garde::Validate;

    use super::*;

    #[test]
    fn turns_paths_into_json_pointers() {
        assert_eq!(pointer("title"), "/title");
        assert_eq!(pointer("author.tags[2].na~me"), "/author/tags/2/na~0me");
        assert_eq!(pointer("[0].name"), "/0/name");
        assert_eq!(pointer(""), "");
    }

    fn is_accepted(accepted: &bool, _: &()) -> garde::Result {
        if *accepted { Ok(()) } else { Err(garde::Error::new("accept the terms")) }
    }

    #[test]
    fn gives_each_rule_its_code_and_words() {
        #[derive(Validate)]
        struct Form {
            #[garde(length(min = 3), ascii)]
            name: &'static str,
            #[garde(range(max = 9))]
            count: u8,
            #[garde(custom(is_accepted))]
            accepted: bool,
        }
        let faults = Form { name: "é", count: 10, accepted: false }.faults();
        let seen: Vec<_> =
            faults.iter().map(|f| (f.pointer.as_str(), f.code.as_ref(), f.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("/accepted", "invalid", "accept the terms"),
                ("/count", "too_large", "must be at most 9"),
                ("/name", "ascii", "must be plain ASCII"),
                ("/name", "too_short", "must be at least 3 long"),
            ]
        );
    }

    #[test]
    fn hands_a_valid_value_back_and_refuses_another_with_422() {
        #[derive(Debug, Validate)]
        struct Age(#[garde(range(min = 18))] u8);
        assert_eq!(Age(18).validated().expect("valid").0, 18);
        assert_eq!(Age(17).validated().unwrap_err().status().as_u16(), 422);
    }
}
