//! What a view is given.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use serde::Serialize;

/// The values that a view sees, by name. [`context!`](crate::context!) makes one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context(BTreeMap<String, Value>);

impl Context {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value: whatever can be serialized. One that cannot be is told by the view that takes it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.0.insert(name.into(), Value::from(Serde(value)));
        self
    }

    /// The same with what this one does not have from another.
    #[must_use]
    pub(crate) fn over(self, mut other: Self) -> Self {
        other.0.extend(self.0);
        other
    }
}

impl From<Context> for Value {
    fn from(context: Context) -> Self {
        Self::from(context.0)
    }
}

/// A [`Context`]: names with what they are, or names of what is at hand.
///
/// ```
/// use mainstay_view::context;
///
/// let tags = ["rust", "web"];
/// let context = context! { title => "Hello", tags };
/// ```
#[macro_export]
macro_rules! context {
    ($($name:ident $(=> $value:expr)?),* $(,)?) => {
        $crate::Context::new()$(.with(::core::stringify!($name), $crate::context!(@ $name $($value)?)))*
    };
    (@ $name:ident) => { &$name };
    (@ $name:ident $value:expr) => { $value };
}
