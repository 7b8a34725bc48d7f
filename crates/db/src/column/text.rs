//! What texts can do.

use super::{Expr, Predicate};
use crate::expression::{Anchor, Case, Function, Node, Operand, Pattern, Term};
use crate::value::{IntoOperand, Stored, Value};

/// The types of texts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a text",
    label = "expected `String` or `Option<String>`"
)]
pub trait TextColumn: Stored {
    /// The type of its length.
    type Length: Stored;
}

impl TextColumn for String {
    type Length = i64;
}

impl TextColumn for Option<String> {
    type Length = Option<i64>;
}

/// Searches take their needle as plain text: what an engine would take for a wildcard is escaped.
impl<M, T: TextColumn, X: Into<Operand>> Expr<M, T, X> {
    /// It contains `needle`, in this case.
    pub fn contains(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::Anywhere, Case::Sensitive)
    }

    /// It begins with `needle`, in this case.
    pub fn starts_with(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::Start, Case::Sensitive)
    }

    /// It ends with `needle`, in this case.
    pub fn ends_with(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::End, Case::Sensitive)
    }

    /// It equals `text` in any case. On SQLite, only the letters of ASCII have a case.
    pub fn eq_ignoring_case(self, text: impl Into<String>) -> Predicate<M> {
        self.search(text.into(), Anchor::Whole, Case::Ignored)
    }

    /// It contains `needle` in any case. On SQLite, only the letters of ASCII have a case.
    pub fn contains_ignoring_case(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::Anywhere, Case::Ignored)
    }

    /// It begins with `needle` in any case. On SQLite, only the letters of ASCII have a case.
    pub fn starts_with_ignoring_case(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::Start, Case::Ignored)
    }

    /// It ends with `needle` in any case. On SQLite, only the letters of ASCII have a case.
    pub fn ends_with_ignoring_case(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::End, Case::Ignored)
    }

    /// It is as `pattern` says, in this case: `%` stands for any text, `_` for any character, and `\` stands before one of
    /// them that is meant.
    pub fn like(self, pattern: impl Into<String>) -> Predicate<M> {
        self.search(pattern.into(), Anchor::Wild, Case::Sensitive)
    }

    /// It is as `pattern` says, in any case; see [`like`](Self::like). On SQLite, only the letters of ASCII have a case.
    pub fn like_ignoring_case(self, pattern: impl Into<String>) -> Predicate<M> {
        self.search(pattern.into(), Anchor::Wild, Case::Ignored)
    }

    /// The text in small letters. On SQLite, only the letters of ASCII have a case.
    pub fn lower(self) -> Expr<M, T> {
        Expr::<M, T>::call::<T>(Function::Lower, vec![self.into_term()])
    }

    /// The text in capital letters. On SQLite, only the letters of ASCII have a case.
    pub fn upper(self) -> Expr<M, T> {
        Expr::<M, T>::call::<T>(Function::Upper, vec![self.into_term()])
    }

    /// The text without the spaces around it.
    pub fn trim(self) -> Expr<M, T> {
        Expr::<M, T>::call::<T>(Function::Trim, vec![self.into_term()])
    }

    /// How many characters it has.
    pub fn length(self) -> Expr<M, T::Length> {
        Expr::<M, T::Length>::call::<T>(Function::Length, vec![self.into_term()])
    }

    /// The text with another one behind it. NULL if one of them is.
    pub fn concat(self, other: impl IntoOperand<T>) -> Expr<M, T> {
        let other = other.into_operand().typed(T::TYPE);
        Expr::<M, T>::call::<T>(Function::Concat, vec![self.into_term(), other])
    }

    fn search(self, needle: String, anchor: Anchor, case: Case) -> Predicate<M> {
        let pattern = Pattern { needle: Term::Value(Value::Text(needle)), anchor, case };
        Predicate::new(Node::Text { left: self.into_term(), pattern })
    }
}
