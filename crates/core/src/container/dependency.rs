//! What a factory can take, and the functions that take it.

use futures_util::future::BoxFuture;

use super::{Inject, Need, Resolver};
use crate::Result;

/// A parameter that the container fills: [`Inject<T>`], `Option<Inject<T>>`, or the [`Resolver`] itself.
#[diagnostic::on_unimplemented(
    message = "the container cannot fill a parameter of type `{Self}`",
    label = "take `Inject<{Self}>` here, and provide the value with `.provide(..)`"
)]
pub trait Dependency: Sized + Send + 'static {
    /// Adds what it needs.
    fn needs(needs: &mut Vec<Need>);

    /// Takes it.
    fn resolve(resolver: &Resolver) -> impl Future<Output = Result<Self>> + Send;
}

impl<T: ?Sized + Send + Sync + 'static> Dependency for Inject<T> {
    fn needs(needs: &mut Vec<Need>) {
        needs.push(Need::of::<T>());
    }

    async fn resolve(resolver: &Resolver) -> Result<Self> {
        resolver.get().await
    }
}

impl<T: ?Sized + Send + Sync + 'static> Dependency for Option<Inject<T>> {
    fn needs(needs: &mut Vec<Need>) {
        needs.push(Need::of::<T>().optional());
    }

    async fn resolve(resolver: &Resolver) -> Result<Self> {
        if resolver.knows::<T>() { resolver.get().await.map(Some) } else { Ok(None) }
    }
}

impl Dependency for Resolver {
    fn needs(_: &mut Vec<Need>) {}

    async fn resolve(resolver: &Resolver) -> Result<Self> {
        Ok(resolver.clone())
    }
}

/// A list of parameters.
pub trait Dependencies: Sized + Send + 'static {
    /// What all of them need.
    fn needs() -> Vec<Need>;

    /// Takes all of them.
    fn resolve(resolver: &Resolver) -> BoxFuture<'_, Result<Self>>;
}

/// A function of dependencies. At most eight: beyond that, group them in a `#[derive(Inject)]` struct.
#[diagnostic::on_unimplemented(
    message = "this is no function of dependencies",
    label = "its parameters must be `Inject<T>`, `Option<Inject<T>>` or tuples of them"
)]
pub trait Factory<Args: Dependencies>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn call(&self, args: Args) -> Self::Output;
}

/// A function of something given by the caller, and of dependencies: a service is one of
/// [`Running`](crate::service::Running).
#[diagnostic::on_unimplemented(
    message = "this is no function of `{Head}` and of dependencies",
    label = "after `{Head}`, its parameters must be `Inject<T>`, `Option<Inject<T>>` or tuples of them"
)]
pub trait FactoryWith<Head, Args: Dependencies>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn call(&self, head: Head, args: Args) -> Self::Output;
}

macro_rules! functions {
    ($($name:ident)*) => {
        /// Several at once.
        impl<$($name: Dependency),*> Dependency for ($($name,)*) {
            fn needs(_needs: &mut Vec<Need>) {
                $($name::needs(_needs);)*
            }

            async fn resolve(_resolver: &Resolver) -> Result<Self> {
                Ok(($($name::resolve(_resolver).await?,)*))
            }
        }

        impl<$($name: Dependency),*> Dependencies for ($($name,)*) {
            fn needs() -> Vec<Need> {
                let mut needs = Vec::new();
                <Self as Dependency>::needs(&mut needs);
                needs
            }

            fn resolve(resolver: &Resolver) -> BoxFuture<'_, Result<Self>> {
                Box::pin(<Self as Dependency>::resolve(resolver))
            }
        }

        impl<Func, Out, $($name: Dependency),*> Factory<($($name,)*)> for Func
        where
            Func: Fn($($name),*) -> Out + Send + Sync + 'static,
        {
            type Output = Out;

            #[allow(non_snake_case, reason = "the type parameter names its argument")]
            fn call(&self, ($($name,)*): ($($name,)*)) -> Out {
                self($($name),*)
            }
        }

        impl<Func, Head, Out, $($name: Dependency),*> FactoryWith<Head, ($($name,)*)> for Func
        where
            Func: Fn(Head, $($name),*) -> Out + Send + Sync + 'static,
        {
            type Output = Out;

            #[allow(non_snake_case, reason = "the type parameter names its argument")]
            fn call(&self, head: Head, ($($name,)*): ($($name,)*)) -> Out {
                self(head, $($name),*)
            }
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D E);
functions!(A B C D E F);
functions!(A B C D E F G);
functions!(A B C D E F G H);
