//! What a query has loaded, behind a `dyn`.
//!
//! Models are related to each other. If a field held the other model itself, the compiler would have to walk through the
//! whole graph of models to know that one of them can be sent to another thread, and gives up after some 25 of them
//! (E0275). A `dyn` that is `Send` by its own word ends the walk.

/// A value, or nothing yet.
pub(super) struct Loaded<T>(Option<Box<dyn Shelf<T>>>);

trait Shelf<T>: Send + Sync {
    fn get(&self) -> &T;
    fn get_mut(&mut self) -> &mut T;
    fn take(self: Box<Self>) -> T;
    fn copy(&self) -> Box<dyn Shelf<T>>;
}

impl<T: Clone + Send + Sync + 'static> Shelf<T> for T {
    fn get(&self) -> &T {
        self
    }

    fn get_mut(&mut self) -> &mut T {
        self
    }

    fn take(self: Box<Self>) -> T {
        *self
    }

    fn copy(&self) -> Box<dyn Shelf<T>> {
        Box::new(self.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Loaded<T> {
    pub(super) fn set(&mut self, value: T) {
        self.0 = Some(Box::new(value));
    }
}

impl<T> Loaded<T> {
    pub(super) const fn not_yet() -> Self {
        Self(None)
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_deref().map(|shelf| shelf.get())
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut().map(|shelf| shelf.get_mut())
    }

    pub(super) fn take(self) -> Option<T> {
        self.0.map(Shelf::take)
    }
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        Self(self.0.as_deref().map(|shelf| shelf.copy()))
    }
}
