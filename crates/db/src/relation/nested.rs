//! Relations in projections: what has been loaded, as a projection of its own. `None` is what has not.

use mainstay_core::projection::Nested;

use super::{BelongsTo, HasMany, HasOne, ManyToMany};
use crate::model::Model;

macro_rules! to_one {
    ($($relation:ident),*) => {$(
        impl<R: Model, P: Nested<R>> Nested<$relation<R>> for Option<P> {
            fn nested(source: $relation<R>) -> Self {
                source.into_loaded().map(P::nested)
            }

            fn nested_ref(source: &$relation<R>) -> Self {
                source.loaded().map(P::nested_ref)
            }
        }
    )*};
}

macro_rules! to_many {
    ($($relation:ident),*) => {$(
        impl<R: Model, P: Nested<R>> Nested<$relation<R>> for Option<Vec<P>> {
            fn nested(source: $relation<R>) -> Self {
                Some(source.into_loaded()?.into_iter().map(P::nested).collect())
            }

            fn nested_ref(source: &$relation<R>) -> Self {
                Some(source.loaded()?.iter().map(P::nested_ref).collect())
            }
        }
    )*};
}

to_one!(BelongsTo, HasOne);
to_many!(HasMany, ManyToMany);
