//! What is built: singletons once, request-scoped values once a request, transient ones each time.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::graph::{Built, Graph};
use super::provider::{Instance, Scope};
use super::{Inject, Key, Need};
use crate::module::ModuleId;
use crate::{Error, Result};

/// The container as one module sees it. Cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    pub(crate) graph: Arc<Graph>,
    pub(crate) module: ModuleId,
    pub(crate) request: Option<Arc<RequestScope>>,
}

/// The values of one request.
#[derive(Default)]
pub(crate) struct RequestScope {
    cells: Mutex<HashMap<usize, Arc<OnceCell<Instance>>>>,
}

impl RequestScope {
    fn cell(&self, node: usize) -> Arc<OnceCell<Instance>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(node).or_default())
    }
}

impl Resolver {
    /// Takes a `T`, building it if need be.
    ///
    /// # Errors
    /// 500 when nothing visible to the module provides it (verified at start for all that is declared), when a
    /// factory fails, or when a request-scoped value is asked for outside of a request.
    pub async fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Inject<T>> {
        if let Some(ready) = self.ready() {
            return Ok(ready);
        }
        let key = Key::of::<T>();
        let Some(node) = self.graph.visible(self.module, key.id) else {
            return Err(Error::internal(format!(
                "nothing that module `{}` can see provides `{key}`",
                self.graph.module_name(self.module)
            )));
        };
        downcast(&self.instance(node, key).await?).ok_or_else(|| mismatch(key))
    }

    /// A `T` that exists already: the way of every request to its singletons.
    pub fn ready<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Inject<T>> {
        self.graph.singleton(self.module, TypeId::of::<T>()).and_then(downcast)
    }

    /// Whether something visible to the module provides a `T`.
    pub fn knows<T: ?Sized + 'static>(&self) -> bool {
        self.graph.visible(self.module, TypeId::of::<T>()).is_some()
    }

    /// The same view with the values of one request of its own.
    #[must_use]
    pub fn request(&self) -> Self {
        let request = self.graph.has_request_scope().then(Arc::default);
        Self { graph: Arc::clone(&self.graph), module: self.module, request }
    }

    /// The same container as another module sees it.
    #[must_use]
    pub fn of_module(&self, module: ModuleId) -> Self {
        Self { graph: Arc::clone(&self.graph), module, request: self.request.clone() }
    }

    /// The value of a node, boxed because a factory may take values that other factories build.
    fn instance(&self, node: usize, key: Key) -> BoxFuture<'_, Result<Instance>> {
        Box::pin(async move {
            let entry = self.graph.node(node);
            let build = || (entry.registration.build)(self.of_module(entry.home));
            match entry.registration.scope {
                Scope::Singleton => {
                    let built = entry.cell.get_or_try_init(|| async {
                        let instance = build().await?;
                        self.graph.note_built(node);
                        Built::new(&entry.registration, instance)
                    });
                    built.await?.as_type(key.id).cloned().ok_or_else(|| mismatch(key))
                }
                Scope::Request => match &self.request {
                    Some(request) => {
                        let instance = request.cell(node).get_or_try_init(build).await?.clone();
                        entry.registration.cast(instance, key)
                    }
                    None => {
                        Err(Error::internal(format!("`{key}` lives for one request, and there is none here")))
                    }
                },
                Scope::Transient => entry.registration.cast(build().await?, key),
            }
        })
    }

    /// Builds every singleton, so that one that fails is known before the first request. What depends on one that
    /// failed is not tried.
    pub(crate) async fn build_all(&self, takers: &[(ModuleId, Need)]) -> Result<(), Vec<Error>> {
        let mut failures = Vec::new();
        let mut failed = HashSet::new();
        for node in self.graph.in_order(takers) {
            let registration = &self.graph.node(node).registration;
            if self.graph.dependencies(node).any(|dependency| failed.contains(&dependency)) {
                failed.insert(node);
            } else if registration.scope == Scope::Singleton
                && let Err(error) = self.instance(node, registration.key).await
            {
                failed.insert(node);
                failures.push(error.context(format!("`{}` ({})", registration.key, registration.place)));
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// Disposes of the singletons in the reverse order of their building.
    pub(crate) async fn dispose(&self) {
        for node in self.graph.take_built().into_iter().rev() {
            let entry = self.graph.node(node);
            let built = entry.cell.get().and_then(|built| built.as_type(entry.registration.key.id));
            if let (Some(dispose), Some(instance)) = (&entry.registration.dispose, built) {
                dispose(Arc::clone(instance)).await;
            }
        }
    }
}

fn downcast<T: ?Sized + Send + Sync + 'static>(instance: &Instance) -> Option<Inject<T>> {
    instance.downcast_ref::<Arc<T>>().map(|value| Inject::from(Arc::clone(value)))
}

fn mismatch(key: Key) -> Error {
    Error::internal(format!("`{key}` was provided as another type"))
}
