//! Models by their names.

use mainstay_core::{Error, Result, StatusCode};

use crate::meta::ModelMeta;
use crate::schema::in_order;

/// What a model is called in a line: its name in the code, or its table, where two modules have a model of that name.
pub(super) fn name_of(model: &ModelMeta, models: &[&'static ModelMeta]) -> &'static str {
    let is_shared = models.iter().any(|other| other.name == model.name && !other.is(model));
    if is_shared { model.table } else { model.name }
}

/// The model of this name or with this table, or what is wrong with the name.
pub(super) fn find(models: &[&'static ModelMeta], name: &str) -> Result<&'static ModelMeta, String> {
    if let Some(model) = models.iter().find(|model| model.table == name) {
        return Ok(model);
    }
    let mut found = models.iter().filter(|model| model.name == name);
    match (found.next(), found.next()) {
        (Some(model), None) => Ok(model),
        (Some(one), Some(other)) => Err(format!(
            "there are several models `{name}`: say which by its table, `{}` or `{}`",
            one.table, other.table
        )),
        (None, _) => {
            let names: Vec<_> = models.iter().map(|model| name_of(model, models)).collect();
            Err(format!("there is no model `{name}`; there are: {}", names.join(", ")))
        }
    }
}

/// The models that are to be dumped.
///
/// ```
/// # use mainstay_db::{meta::meta_of, model, transfer::Chosen};
/// # #[model] pub struct User { pub id: i64 }
/// # #[model] pub struct Session { pub id: i64 }
/// # fn main() -> mainstay_core::Result<()> {
/// let models = [meta_of::<User>(), meta_of::<Session>()];
/// let without_sessions = Chosen::all(&models).without(["Session"])?;
/// assert!(Chosen::all(&models).only(["Usr"]).is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Every model of the application, in the order of their references.
    pub(super) all: Vec<&'static ModelMeta>,
    pub(super) models: Vec<&'static ModelMeta>,
    pub(super) keys: Keys,
}

/// How a dump says which row is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// By its key.
    Kept,
    /// By a field that is unique, where there is one.
    Natural,
}

impl Chosen {
    /// All of the models of an application, with the tables between that their relations make.
    pub fn all(models: &[&'static ModelMeta]) -> Self {
        let all = in_order(models);
        Self { models: all.clone(), all, keys: Keys::Kept }
    }

    /// Those of these names alone: as they are called in the code, or by their tables.
    ///
    /// # Errors
    /// 422, with the names that there are, when there is none of that name, or more than one.
    pub fn only<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Result<Self> {
        let named = self.named(names)?;
        self.models.retain(|model| named.iter().any(|named| named.is(model)));
        Ok(self)
    }

    /// All but those of these names.
    ///
    /// # Errors
    /// As [`only`](Self::only).
    pub fn without<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Result<Self> {
        let named = self.named(names)?;
        self.models.retain(|model| !named.iter().any(|named| named.is(model)));
        Ok(self)
    }

    /// The same, where a reference names its row by a unique field (`{"author":{"name":"ann"}}`), and keys that nobody needs are
    /// left out: so a dump is a fixture that can be loaded beside other rows. Keys stay where a model has no such field, where
    /// its rows can be deleted softly, and where models refer to each other in a circle.
    #[must_use]
    pub fn natural(mut self) -> Self {
        self.keys = Keys::Natural;
        self
    }

    fn named<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<Vec<&'static ModelMeta>> {
        let refuse = |fault| Error::new(StatusCode::UNPROCESSABLE_ENTITY, fault).code("unknown_model");
        names.into_iter().map(|name| find(&self.all, name.as_ref()).map_err(refuse)).collect()
    }
}
