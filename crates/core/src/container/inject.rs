//! What is taken from the container.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A shared value from the container: `Inject<Db>`, `Inject<dyn Clock>`.
///
/// It is what providers, services, commands and handlers take as a parameter.
pub struct Inject<T: ?Sized>(Arc<T>);

impl<T> Inject<T> {
    /// Wraps a value, as tests do that call a handler directly.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> Inject<T> {
    /// The shared pointer within.
    pub fn into_arc(self) -> Arc<T> {
        self.0
    }
}

impl<T: ?Sized> From<Arc<T>> for Inject<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T: ?Sized> Clone for Inject<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Inject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Inject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
