//! A kind of job, as the worker knows it: a name, and a function whatever its types.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::container::{Dependencies, FactoryWith, Need};
use mainstay_core::module::ModuleId;
use mainstay_core::{Contribution, Contributions, Error, Module, Resolver, Result};
use serde::Serialize;
use serde_json::Value;

use crate::draft::unique_key;
use crate::job::{Job, OnError};
use crate::spec::JobSpec;
use crate::stored::StoredJob;
use crate::threads::Thread;

/// A contribution: a kind of job that this application runs. Made by [`jobs!`](macro@crate::jobs).
#[derive(Clone)]
pub struct Registration {
    pub(crate) spec: &'static JobSpec,
    pub(crate) on_error: fn(&Error, u32) -> OnError,
    /// Whether it takes a thread.
    pub(crate) is_blocking: bool,
    /// What no two jobs have at the same time.
    unique_key: fn(&Arguments) -> Result<Option<String>>,
    needs: Vec<Need>,
    perform: Perform,
}

/// Runs a job with these arguments, and returns what it has returned, as JSON.
type Perform = Arc<dyn Fn(Arguments, Resolver) -> BoxFuture<'static, Result<Option<String>>> + Send + Sync>;

/// Arguments as they are stored.
pub(crate) struct Arguments {
    pub(crate) json: String,
    pub(crate) version: u32,
    /// The thread that it may take.
    pub(crate) thread: Option<Thread>,
}

impl Registration {
    /// A job with an `async` function.
    pub fn of<J, A, F, Fut, T>(run: F) -> Self
    where
        J: Job,
        A: Dependencies + 'static,
        F: FactoryWith<J, A, Output = Fut>,
        Fut: Future<Output = Result<T>> + Send + 'static,
        T: Serialize + Send,
    {
        let run = Arc::new(run);
        Self::new::<J, A>(move |arguments, resolver| {
            let run = Arc::clone(&run);
            async move {
                let job = arguments.read::<J>()?;
                let made = run.call(job, A::resolve(&resolver).await?).await?;
                written(&made)
            }
            .boxed()
        })
    }

    /// A job with a function that takes the processor or blocks its thread.
    pub fn blocking<J, A, F, T>(run: F) -> Self
    where
        J: Job,
        A: Dependencies + 'static,
        F: FactoryWith<J, A, Output = Result<T>>,
        T: Serialize + Send + 'static,
    {
        let run = Arc::new(run);
        let registration = Self::new::<J, A>(move |arguments, resolver| {
            let run = Arc::clone(&run);
            async move {
                let job = arguments.read::<J>()?;
                let taken = A::resolve(&resolver).await?;
                let thread = arguments.thread.ok_or_else(|| Error::internal("there is no thread for it"))?;
                let made = thread.run(move || run.call(job, taken)).await??;
                written(&made)
            }
            .boxed()
        });
        Self { is_blocking: true, ..registration }
    }

    fn new<J: Job, A: Dependencies>(
        perform: impl Fn(Arguments, Resolver) -> BoxFuture<'static, Result<Option<String>>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            spec: const { &J::SPEC },
            on_error: J::on_error,
            is_blocking: false,
            unique_key: |arguments| unique_key(&arguments.read::<J>()?),
            needs: A::needs().into_iter().map(Need::in_request).collect(),
            perform: Arc::new(perform),
        }
    }

    /// The name under which jobs of this kind are stored.
    pub fn kind(&self) -> &'static str {
        self.spec.name
    }

    /// What no two jobs have at the same time, of one with these arguments.
    pub(crate) fn unique_key(&self, arguments: &Arguments) -> Result<Option<String>> {
        (self.unique_key)(arguments)
    }

    pub(crate) fn perform(
        &self,
        arguments: Arguments,
        resolver: Resolver,
    ) -> BoxFuture<'static, Result<Option<String>>> {
        (self.perform)(arguments, resolver)
    }
}

impl Contribution for Registration {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }

    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}

impl Arguments {
    pub(crate) fn of(job: &StoredJob) -> Self {
        let version = u32::try_from(job.version).unwrap_or_default();
        Self { json: job.args.clone(), version, thread: None }
    }

    fn read<J: Job>(&self) -> Result<J> {
        let args = match self.version < J::SPEC.version {
            true => J::upgrade(self.version, serde_json::from_str::<Value>(&self.json)?)?,
            false => return read(&mut serde_json::Deserializer::from_str(&self.json)),
        };
        read(args)
    }
}

/// Says which of the arguments is wrong.
fn read<'de, J: Job>(from: impl serde::Deserializer<'de, Error = serde_json::Error>) -> Result<J> {
    serde_path_to_error::deserialize(from).map_err(|fault| {
        let told = format!("the arguments cannot be read: `{}`: {}", fault.path(), fault.inner());
        Error::internal(told).code("job_arguments")
    })
}

/// Nothing, where it has returned nothing.
fn written(made: &impl Serialize) -> Result<Option<String>> {
    let text = serde_json::to_string(made)?;
    Ok((text != "null").then_some(text))
}

/// The kinds of jobs of an application, by all of their names.
pub(crate) struct Registry {
    kinds: HashMap<&'static str, (Registration, ModuleId)>,
}

impl Registry {
    pub(crate) fn of(contributions: &Contributions) -> Self {
        let mut kinds = HashMap::new();
        for found in contributions.of::<Registration>() {
            let spec = found.value.spec;
            for name in spec.formerly.iter().chain([&spec.name]) {
                kinds.insert(*name, (found.value.clone(), found.module.id));
            }
        }
        Self { kinds }
    }

    /// What runs jobs of this name, and from which module it takes what it needs.
    pub(crate) fn get(&self, kind: &str) -> Option<&(Registration, ModuleId)> {
        self.kinds.get(kind)
    }

    /// What holds for jobs of this name, if they are run here.
    pub(crate) fn spec(&self, kind: &str) -> Option<&'static JobSpec> {
        self.get(kind).map(|(registration, _)| registration.spec)
    }

    pub(crate) fn specs(&self) -> impl Iterator<Item = &'static JobSpec> {
        self.kinds.values().map(|(registration, _)| registration.spec)
    }
}
