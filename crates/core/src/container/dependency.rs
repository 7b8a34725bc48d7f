//! What a factory can take, and the functions that take it.

use futures_util::future::BoxFuture;

use super::{Inject, Need, Resolver};
use crate::Result;

/// A parameter that the container fills: [`Inject<T>`], `Option<Inject<T>>`, or the [`Resolver`] itself.
#[diagnostic::on_unimplemented(
    message = "the container cannot fill a parameter of type `{Self}`",
    label = "take `Inject<{Self}>` here, and provide the value with `.provide(..)`"
)]
pub trait Dependency: Sized + Send {
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
pub trait Dependencies: Sized + Send {
    /// What all of them need.
    fn needs() -> Vec<Need>;

    /// Takes all of them.
    fn resolve(resolver: &Resolver) -> BoxFuture<'_, Result<Self>>;
}

/// A function of dependencies. At most eight: beyond that, group them in a `#[derive(Inject)]` struct.
pub trait Factory<Args: Dependencies>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn call(&self, args: Args) -> Self::Output;
}

macro_rules! functions {
    ($($name:ident)*) => {
        impl<$($name: Dependency),*> Dependencies for ($($name,)*) {
            fn needs() -> Vec<Need> {
                #[allow(unused_mut, reason = "a function without parameters pushes nothing")]
                let mut needs = Vec::new();
                $($name::needs(&mut needs);)*
                needs
            }

            fn resolve(_resolver: &Resolver) -> BoxFuture<'_, Result<Self>> {
                Box::pin(async move { Ok(($($name::resolve(_resolver).await?,)*)) })
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
