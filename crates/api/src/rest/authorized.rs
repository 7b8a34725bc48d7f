//! A row that the caller may act on, as an argument of a handler: what a custom action begins with.
//!
//! ```
//! use mainstay_api::rest::authorized::{Authorized, Update};
//! use mainstay_api::{RequestTx, ResourcesExt};
//! use mainstay_core::{App, Result};
//! use mainstay_db::model;
//! use mainstay_http::{Json, RoutesExt, post, routes};
//! use mainstay_resource::Resource;
//! use mainstay_resource::policy::Open;
//!
//! #[model]
//! pub struct Post {
//!     pub id: i64,
//!     #[field(unique, max_length = 100)]
//!     pub slug: String,
//!     #[field(read_only, default = false)]
//!     pub published: bool,
//! }
//!
//! #[post("/posts/{slug}/publish")]
//! async fn publish(tx: RequestTx, post: Authorized<Post, Update>) -> Result<Json<Post>> {
//!     let mut post = post.into_inner();
//!     post.update(|post| post.published(true), &tx).await?;
//!     Ok(Json(post))
//! }
//!
//! let posts = Resource::<Post>::new("/posts").by(|post| post.slug).policy(Open);
//! let app = App::new().resource(posts).routes(routes![publish].middleware(mainstay_api::transaction::transaction));
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::{Db, Model};
use mainstay_http::RouteMatch;
use mainstay_http::describe::{Describe, ErrorSpec, Operation};
use mainstay_resource::{Action, Caller, Policies};

use super::asking::Asking;

/// What is to be done with a row: [`View`], [`Update`] or [`Delete`].
pub trait Act: Send + Sync + 'static {
    /// The same for policies.
    const ACTION: Action;
}

/// It is shown.
#[derive(Clone, Copy, Debug)]
pub struct View;

/// It is changed.
#[derive(Clone, Copy, Debug)]
pub struct Update;

/// It is taken away.
#[derive(Clone, Copy, Debug)]
pub struct Delete;

impl Act for View {
    const ACTION: Action = Action::View;
}

impl Act for Update {
    const ACTION: Action = Action::Update;
}

impl Act for Delete {
    const ACTION: Action = Action::Delete;
}

/// The row that the parameter of the path names, which the policy of its model lets the caller act on. Of several parameters it is
/// the one that is called as the model is: `{article}` for `Article`.
///
/// A parameter that is called as a unique field names the row by it (`{slug}`), any other by the key. Where there is no such row
/// for this caller, the answer is 404; where it may be seen and not acted on, 403; where nobody is signed in, 401.
///
/// In a handler with a [`RequestTx`](crate::RequestTx), a row that is to be changed is locked.
pub struct Authorized<M, A = View> {
    row: M,
    act: PhantomData<fn() -> A>,
}

impl<M, A> Authorized<M, A> {
    /// The row.
    pub fn into_inner(self) -> M {
        self.row
    }
}

impl<M, A> Deref for Authorized<M, A> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.row
    }
}

impl<M: fmt::Debug, A> fmt::Debug for Authorized<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorized").field(&self.row).finish()
    }
}

impl<M: Model, A: Act, S: Sync> FromRequestParts<S> for Authorized<M, A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let asking = Asking::from_request_parts(parts, state).await?;
        let named = parts.extensions.get::<RouteMatch>();
        let named = named.and_then(|all| {
            let names: Vec<_> = all.raw().map(|(name, _)| name).collect();
            all.params().nth(position::<M>(&names)?)
        });
        let Some((parameter, key)) = named else {
            return Err(Error::internal("`Authorized` is in a path that names no such row"));
        };
        let tx = match A::ACTION {
            Action::View => None,
            _ => asking.transaction().await?,
        };
        let caller = Caller { tx: tx.as_deref(), ..asking.reader() };
        let row = mainstay_resource::find(caller, A::ACTION, parameter, &key).await?;
        Ok(Self { row, act: PhantomData })
    }
}

impl<M: Model, A: Act> Describe for Authorized<M, A> {
    fn describe(operation: &mut Operation) {
        operation.needs.extend([Need::of::<Db>().in_request(), Need::of::<Policies>().in_request()]);
        operation
            .error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "Nobody is signed in, and somebody must be."));
        operation.error(ErrorSpec::new(StatusCode::FORBIDDEN, "The policy does not allow it."));
        let missing = format!("There is no such {}.", M::META.label);
        operation.error(ErrorSpec::new(StatusCode::NOT_FOUND, missing));
        operation.path_checks.push(|names| match position::<M>(names) {
            Some(_) => None,
            None => {
                let (model, name) = (M::META.name, name_of::<M>());
                Some(format!("the handler takes a row of `{model}`: name it by one parameter, or by `{{{name}}}` among several"))
            }
        });
    }
}

/// Which of the parameters names the row.
fn position<M: Model>(names: &[&str]) -> Option<usize> {
    match names {
        [_] => Some(0),
        names => names.iter().position(|name| *name == name_of::<M>()),
    }
}

/// What a parameter is called that names a row of the model: `blog_post` for `BlogPost`.
fn name_of<M: Model>() -> String {
    M::META.label.replace(' ', "_")
}
