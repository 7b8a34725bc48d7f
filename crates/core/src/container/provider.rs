//! How a value is provided: the function, its scope, what else it answers to, how it ends.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Dependencies, Factory, Key, Need, Resolver};
use crate::contribution::Contribution;
use crate::{Error, Result};

/// How long a provided value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One for the application, built at start.
    Singleton,
    /// One for each request, job or message, built when first taken.
    Request,
    /// A new one each time.
    Transient,
}

/// Whether a singleton is built at start although nothing needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eagerness {
    AtStart,
    OnDemand,
}

/// A type-erased `Arc<T>`; `T` may be unsized, so the pointer itself is what is boxed.
pub(crate) type Instance = Arc<dyn Any + Send + Sync>;

pub(crate) type Build = Arc<dyn Fn(Resolver) -> BoxFuture<'static, Result<Instance>> + Send + Sync>;
pub(crate) type Cast = Arc<dyn Fn(&Instance) -> Option<Instance> + Send + Sync>;
pub(crate) type Dispose = Arc<dyn Fn(Instance) -> BoxFuture<'static, ()> + Send + Sync>;

/// How a `T` comes to be.
///
/// ```
/// use std::sync::Arc;
/// use mainstay_core::{App, CoreContributions, Provider};
///
/// trait Greeter: Send + Sync { fn greet(&self) -> String; }
/// struct English;
/// impl Greeter for English { fn greet(&self) -> String { "hello".into() } }
///
/// let app = App::new().provide(Provider::singleton(|| English).bind(|english| english as Arc<dyn Greeter>));
/// ```
pub struct Provider<T> {
    registration: Registration,
    _provides: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> Provider<T> {
    /// One value for the whole application.
    #[track_caller]
    pub fn singleton<A: Dependencies>(factory: impl Factory<A, Output = T>) -> Self {
        Self::of(Scope::Singleton, factory)
    }

    /// One value for each request.
    #[track_caller]
    pub fn request<A: Dependencies>(factory: impl Factory<A, Output = T>) -> Self {
        Self::of(Scope::Request, factory)
    }

    /// A new value each time it is taken.
    #[track_caller]
    pub fn transient<A: Dependencies>(factory: impl Factory<A, Output = T>) -> Self {
        Self::of(Scope::Transient, factory)
    }

    /// One value for the whole application from an asynchronous function that can fail.
    #[track_caller]
    pub fn asynchronous<A, F, Fut>(factory: F) -> Self
    where
        A: Dependencies,
        F: Factory<A, Output = Fut>,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let factory = Arc::new(factory);
        let build: Build = Arc::new(move |resolver| {
            let factory = Arc::clone(&factory);
            async move {
                let args = A::resolve(&resolver).await?;
                Ok(erase(Arc::new(factory.call(args).await?)))
            }
            .boxed()
        });
        Self::from_parts(Scope::Singleton, A::needs(), build)
    }

    /// The same provider with another scope.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.registration.scope = scope;
        self
    }

    /// Lets it answer to a trait as well: `.bind(|value| value as Arc<dyn Mailer>)`.
    #[must_use]
    pub fn bind<D: ?Sized + Send + Sync + 'static>(
        mut self,
        cast: impl Fn(Arc<T>) -> Arc<D> + Send + Sync + 'static,
    ) -> Self {
        let cast: Cast = Arc::new(move |instance| {
            instance.downcast_ref::<Arc<T>>().map(|value| erase(cast(Arc::clone(value))))
        });
        self.registration.bindings.push((Key::of::<D>(), cast));
        self
    }

    /// Builds it when somebody needs it, and not merely because it is provided. For what costs, or asks for
    /// configuration, that not every application has.
    #[must_use]
    pub fn on_demand(mut self) -> Self {
        self.registration.eagerness = Eagerness::OnDemand;
        self
    }

    /// What to do with the value when the application ends. Values are disposed of in the reverse order of their
    /// building. Only for singletons: what lives shorter ends by `Drop`.
    #[must_use]
    pub fn dispose<Fut>(mut self, dispose: impl Fn(Arc<T>) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.registration.dispose = Some(Arc::new(move |instance| match instance.downcast_ref::<Arc<T>>() {
            Some(value) => dispose(Arc::clone(value)).boxed(),
            None => futures_util::future::ready(()).boxed(),
        }));
        self
    }

    #[track_caller]
    fn of<A: Dependencies>(scope: Scope, factory: impl Factory<A, Output = T>) -> Self {
        let factory = Arc::new(factory);
        let build: Build = Arc::new(move |resolver| {
            let factory = Arc::clone(&factory);
            async move { Ok(erase(Arc::new(factory.call(A::resolve(&resolver).await?)))) }.boxed()
        });
        Self::from_parts(scope, A::needs(), build)
    }

    #[track_caller]
    fn from_parts(scope: Scope, needs: Vec<Need>, build: Build) -> Self {
        let registration = Registration {
            key: Key::of::<T>(),
            bindings: Vec::new(),
            scope,
            needs,
            build,
            eagerness: Eagerness::AtStart,
            dispose: None,
            place: Location::caller(),
        };
        Self { registration, _provides: PhantomData }
    }
}

fn erase<T: ?Sized + Send + Sync + 'static>(value: Arc<T>) -> Instance {
    Arc::new(value)
}

/// A provider without its type, as modules contribute it.
#[derive(Clone)]
pub struct Registration {
    pub(crate) key: Key,
    pub(crate) bindings: Vec<(Key, Cast)>,
    pub(crate) scope: Scope,
    pub(crate) needs: Vec<Need>,
    pub(crate) build: Build,
    pub(crate) eagerness: Eagerness,
    pub(crate) dispose: Option<Dispose>,
    pub(crate) place: &'static Location<'static>,
}

impl Registration {
    /// A singleton that exists already.
    #[track_caller]
    pub fn of_value<T: ?Sized + Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self::of_result(Ok(value))
    }

    /// A singleton that exists already, or the reason why it does not.
    #[track_caller]
    pub(crate) fn of_result<T: ?Sized + Send + Sync + 'static>(value: Result<Arc<T>>) -> Self {
        let value = value.map(erase).map_err(|error| error.report());
        let build = move || value.clone().map_err(Error::internal);
        Self {
            key: Key::of::<T>(),
            bindings: Vec::new(),
            scope: Scope::Singleton,
            needs: Vec::new(),
            build: Arc::new(move |_| futures_util::future::ready(build()).boxed()),
            eagerness: Eagerness::AtStart,
            dispose: None,
            place: Location::caller(),
        }
    }

    /// Every type that it answers to.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        std::iter::once(self.key).chain(self.bindings.iter().map(|(key, _)| *key))
    }

    /// The instance as `key` sees it.
    pub(crate) fn cast(&self, instance: Instance, key: Key) -> Result<Instance> {
        if key == self.key {
            return Ok(instance);
        }
        let cast = self.bindings.iter().find(|(bound, _)| *bound == key).map(|(_, cast)| cast);
        cast.and_then(|cast| cast(&instance))
            .ok_or_else(|| Error::internal(format!("`{}` does not answer to `{key}`", self.key)))
    }
}

impl Contribution for Registration {}

/// What `.provide(..)` takes: a function of dependencies, or a [`Provider`].
#[diagnostic::on_unimplemented(
    message = "this is no provider",
    label = "a provider is a function whose parameters are `Inject<T>` and that returns the value, or a `Provider`",
    note = "a function that is async, or returns a `Result`, is given as `Provider::asynchronous(function)`"
)]
pub trait IntoProvider<Marker> {
    /// The provider, without its type.
    fn into_registration(self) -> Registration;
}

/// Marks a [`Factory`] as a provider.
pub struct ByFunction<A>(PhantomData<A>);
/// Marks a [`Provider`] as itself.
pub struct Ready;

#[diagnostic::do_not_recommend]
impl<A, F> IntoProvider<ByFunction<A>> for F
where
    A: Dependencies,
    F: Factory<A>,
    F::Output: Send + Sync + 'static,
{
    #[track_caller]
    fn into_registration(self) -> Registration {
        Provider::singleton(self).registration
    }
}

impl<T> IntoProvider<Ready> for Provider<T> {
    fn into_registration(self) -> Registration {
        self.registration
    }
}

impl IntoProvider<Ready> for Registration {
    fn into_registration(self) -> Registration {
        self
    }
}

/// A type that says itself what it is made of. `#[derive(Inject)]` writes this for a struct whose fields are
/// dependencies.
pub trait Injectable: Sized + Send + Sync + 'static {
    /// How it comes to be.
    fn provider() -> Provider<Self>;
}
