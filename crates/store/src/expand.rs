//! What `#[cached]` writes calls of. Not for others.

use std::fmt::Display;
use std::time::Duration;

use mainstay_core::Error;
pub use mainstay_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cache::{Cache, Keep};

/// An argument that tells cached values apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell cached values apart",
    label = "cannot be written into a key: it is not `Serialize`",
    note = "mark the argument `#[skip]` if the value does not depend on it; else derive `Serialize`"
)]
pub trait KeyPart: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> KeyPart for T {}

/// What a cached function returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "a cached function returns `Result<T>`, with a `T` that is `Serialize` and `DeserializeOwned`",
    note = "a model is not both, since what is hidden in its JSON would be lost: return a struct of what is needed"
)]
pub trait Kept: Sized {
    /// What is kept.
    type Value: Serialize + DeserializeOwned;

    /// As what a cache makes of it.
    fn into_result(self) -> Result<Self::Value>;

    /// As what the function returns.
    fn of(result: Result<Self::Value>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Kept for Result<T> {
    type Value = T;

    fn into_result(self) -> Self {
        self
    }

    fn of(result: Self) -> Self {
        result
    }
}

/// What is kept, or is made by the function.
pub async fn remember<T, F>(cache: &Cache, key: &str, keep: Keep, make: F) -> T
where
    T: Kept,
    F: AsyncFnOnce() -> T,
{
    T::of(cache.remember(key, keep, async || make().await.into_result()).await)
}

/// The same, where what is out of date is made anew in the background.
pub async fn stale_while_revalidate<T, F>(cache: &Cache, key: &str, keep: Keep, make: F) -> T
where
    T: Kept<Value: Send + 'static>,
    F: Future<Output = T> + Send + 'static,
{
    T::of(cache.stale_while_revalidate(key, keep, async { make.await.into_result() }).await)
}

/// An argument, as JSON.
///
/// # Errors
///
/// Where it cannot be written as JSON.
pub fn part<T: KeyPart + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|why| Error::internal("what tells cached values apart cannot be written").caused_by(why))
}

/// A key of what a function gives for these arguments.
///
/// # Errors
///
/// That of an argument.
pub fn key<const N: usize>(path: &str, parts: [Result<String>; N]) -> Result<String> {
    let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(format!("{path}({})", parts.join(",")))
}

/// An argument in a key in which these letters have a meaning.
pub fn shown(value: &(impl Display + ?Sized), marks: &str) -> String {
    let mut shown = String::new();
    for letter in value.to_string().chars() {
        if letter == '%' || marks.contains(letter) {
            shown.push_str(&format!("%{:02X}", u32::from(letter)));
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// How long, in milliseconds, and under which tags.
pub fn keep<const N: usize>(lifetime: u64, stale: u64, tags: [String; N]) -> Keep {
    let keep = Keep::for_(Duration::from_millis(lifetime)).stale_for(Duration::from_millis(stale));
    tags.into_iter().fold(keep, Keep::tag)
}
