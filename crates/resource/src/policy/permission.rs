//! The policy of most models: who may do what with its rows is a permission.

use mainstay_core::principal::Principal;
use mainstay_db::Model;
use mainstay_db::meta::ModelMeta;

use super::{Action, FieldSet, Policy, Rows};

/// Whoever has the permission of the model may do that with every row, and every field: `articles.view`, `articles.add`,
/// `articles.change`, `articles.delete`. They are called after the table of the model.
///
/// ```
/// use mainstay_core::principal::Principal;
/// use mainstay_db::model;
/// use mainstay_resource::{Action, ByPermission, Policy, Rows};
///
/// #[model]
/// pub struct Article {
///     pub id: i64,
///     pub title: String,
/// }
///
/// let ann = Principal::user("1").with_permission("articles.change");
/// assert!(matches!(Policy::<Article>::rows(&ByPermission, &ann, Action::Update), Rows::All));
/// assert!(matches!(Policy::<Article>::rows(&ByPermission, &ann, Action::Delete), Rows::None));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ByPermission;

impl Action {
    /// What the permission for it ends with.
    pub fn permission(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Create => "add",
            Self::Update => "change",
            Self::Delete => "delete",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::View, Self::Create, Self::Update, Self::Delete];
}

/// The permission for what is done with rows of a model: `articles.change`.
pub fn permission_of(model: &ModelMeta, action: Action) -> String {
    format!("{}.{}", model.table, action.permission())
}

fn may<M: Model>(who: &Principal, action: Action) -> bool {
    who.may(&permission_of(M::META, action))
}

impl<M: Model> Policy<M> for ByPermission {
    fn rows(&self, who: &Principal, action: Action) -> Rows<M> {
        if may::<M>(who, action) { Rows::all() } else { Rows::none() }
    }

    fn check(&self, who: &Principal, action: Action, _: &M) -> bool {
        may::<M>(who, action)
    }

    fn fields(&self, who: &Principal, action: Action) -> FieldSet<M> {
        if may::<M>(who, action) { FieldSet::all() } else { FieldSet::none() }
    }
}
