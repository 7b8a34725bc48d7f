//! The model's own functions.

use proc_macro2::TokenStream;
use quote::quote;

use super::input::Model;
use crate::root;

/// `Article::filter` and the like: calls of functions of the crate `db`, so that no trait has to be imported.
pub(crate) fn functions(model: &Model) -> TokenStream {
    let db = root::path("db");
    let (vis, ident) = (&model.vis, &model.ident);
    let columns = model.companion("", "Fields");
    let (draft, change) = (model.companion("", "Draft"), model.companion("", "Change"));
    let (result, future) = (quote!(#db::__private::Result), quote!(::core::future::Future));
    let soft = model.stored().any(|field| field.options.deleted_at).then(|| {
        quote! {
            /// Takes the deletion back.
            #[track_caller]
            #vis fn restore(&mut self, executor: &impl #db::Executor) -> impl #future<Output = #result<()>> {
                #db::write::restore(self, executor)
            }

            /// Deletes the row for good, not softly.
            #[track_caller]
            #vis fn delete_for_good(self, executor: &impl #db::Executor) -> impl #future<Output = #result<()>> {
                #db::write::delete_for_good(self, executor)
            }

        }
    });
    quote! {
        #[allow(dead_code)]
        impl #ident {
            /// A query for every row.
            #vis fn query() -> #db::Query<Self> {
                #db::Query::new()
            }

            /// A query for the rows that are as the closure says.
            #vis fn filter(condition: impl FnOnce(#columns) -> #db::Predicate<Self>) -> #db::Query<Self> {
                #db::Query::new().filter(condition)
            }

            /// The row with this key, if there is one.
            #[track_caller]
            #vis fn get(
                key: impl ::core::convert::Into<#db::Key<Self>>,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<::core::option::Option<Self>>> {
                #db::write::get(key.into(), executor)
            }

            /// The row with this key. None is a 404.
            #[track_caller]
            #vis fn find(
                key: impl ::core::convert::Into<#db::Key<Self>>,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<Self>> {
                #db::write::find(key.into(), executor)
            }

            /// Loads a relation of rows that are there already, in one query for all of them. For a single one:
            /// `std::slice::from_mut(&mut row)`.
            #[track_caller]
            #vis fn load<L: #db::relation::IntoLoad<Self>>(
                rows: &mut [Self],
                relation: impl FnOnce(#columns) -> L,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<()>> {
                #db::relation::load(
                    rows,
                    relation(<Self as #db::Model>::fields(#db::expression::Scope::ROOT)),
                    executor,
                )
            }

            /// Inserts rows, all or none, and returns them as they were stored, in their order. Hooks do not see it.
            #[track_caller]
            #vis fn insert_all_returning<D: ::core::convert::Into<#draft>>(
                drafts: impl ::core::iter::IntoIterator<Item = D>,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<::std::vec::Vec<Self>>> {
                #db::write::insert_all_returning(
                    drafts.into_iter().map(|draft| draft.into().0).collect(),
                    executor,
                )
            }

            /// Inserts rows, or updates those that have the same values in the unique fields that the closure names: all
            /// or none. Hooks do not see it.
            #[track_caller]
            #vis fn upsert_all<D: ::core::convert::Into<#draft>, C: #db::write::IntoConflict<Self>>(
                drafts: impl ::core::iter::IntoIterator<Item = D>,
                unique: impl ::core::ops::FnOnce(#columns) -> C,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<()>> {
                #db::write::upsert_all(
                    drafts.into_iter().map(|draft| draft.into().0).collect(),
                    unique(<Self as #db::Model>::fields(#db::expression::Scope::ROOT)),
                    executor,
                )
            }

            /// Inserts rows, all or none. Returns how many. Hooks do not see it.
            #[track_caller]
            #vis fn insert_all<D: ::core::convert::Into<#draft>>(
                drafts: impl ::core::iter::IntoIterator<Item = D>,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<u64>> {
                #db::write::insert_all(drafts.into_iter().map(|draft| draft.into().0).collect(), executor)
            }

            /// Its primary key.
            #vis fn key(&self) -> #db::Key<Self> {
                #db::Model::key(self)
            }

            /// Writes some fields, and takes over what is stored.
            #[track_caller]
            #vis fn update(
                &mut self,
                change: impl FnOnce(#change) -> #change,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<()>> {
                let values = #db::write::Assignments::new(<Self as #db::Model>::META);
                #db::write::update(self, change(values.into()).into(), executor)
            }

            /// Lets the closure change it, and writes the fields that are then different.
            #[track_caller]
            #vis fn edit(
                &mut self,
                change: impl FnOnce(&mut Self),
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<()>> {
                #db::write::edit(self, change, executor)
            }

            /// Sets fields to what is computed from the row as it is stored, and takes over what is stored then:
            /// `.update_with(|it| it.views.set(it.views + 1), &db)`.
            #[track_caller]
            #vis fn update_with<S: #db::column::IntoAssignments<Self>>(
                &mut self,
                sets: impl FnOnce(#columns) -> S,
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<()>> {
                #db::write::update_with(self, sets, executor)
            }

            /// Writes every field but the key, and takes over what is stored.
            #[track_caller]
            #vis fn save(&mut self, executor: &impl #db::Executor) -> impl #future<Output = #result<()>> {
                #db::write::save(self, executor)
            }

            /// Writes every field of these but their keys, all or none, and leaves the values here as they are. Returns
            /// how many rows were there to be written.
            #[track_caller]
            #vis fn save_all(
                models: &[Self],
                executor: &impl #db::Executor,
            ) -> impl #future<Output = #result<u64>> {
                #db::write::save_all(models, executor)
            }

            #soft
            /// Deletes the row. A row that is not there any more is a 404.
            #[track_caller]
            #vis fn delete(self, executor: &impl #db::Executor) -> impl #future<Output = #result<()>> {
                #db::write::delete(self, executor)
            }
        }
    }
}
