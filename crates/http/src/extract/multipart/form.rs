//! A form with files as a struct.

use std::ops::{Deref, DerefMut};

use axum::extract::{FromRequest, Request};
use mainstay_core::{Error, Result};
use serde::de::DeserializeOwned;

use super::Multipart;
use super::gathered::Gathered;
use super::outline::{files_of, wanted};
use crate::describe::arguments::{data_body, media};
use crate::describe::{Content, Describe, Operation, Outline, Schematic};

/// A form with files (`multipart/form-data`), read into a struct: its texts as [`Form`](super::super::Form) reads them,
/// its files as fields of type [`Upload`](super::Upload), `Option<Upload>` or `Vec<Upload>`.
///
/// What does not fit is refused with every fault at once, each with the name of its field: 413 where something is too
/// large and nothing else is wrong, 415 where a file is of another type and nothing else is wrong, and otherwise 422.
/// A file that breaks its [rules](super::FileRules) is not kept, and after a fault no more than 2 MiB are read.
///
/// Files are in memory up to 256 KiB for the whole form; what is more goes to temporary files without a name, in
/// `http.upload_folder` or the system's. They are gone when the handler has ended, when it fails, and when the client
/// hangs up in the middle. The texts of a form have 2 MiB together, and each of them 1 MiB.
///
/// ```
/// use mainstay_core::Result;
/// use mainstay_http::extract::{Image, MultipartForm, Upload};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct NewPost {
///     title: String,
///     cover: Upload<Image>,
///     #[serde(default)]
///     attachments: Vec<Upload>,
/// }
///
/// async fn create(MultipartForm(post): MultipartForm<NewPost>) -> Result<String> {
///     post.cover.save("covers/latest").await?;
///     Ok(format!("{} with {} attachments", post.title, post.attachments.len()))
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MultipartForm<T>(pub T);

impl<T> Deref for MultipartForm<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for MultipartForm<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for MultipartForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let mut form = Multipart::from_request(request, state).await?;
        let mut gathered = Gathered::new(form.folder.clone());
        while let Some(field) = form.next_field().await? {
            if field.is_file() {
                gathered.file(field, wanted::<T>).await?;
            } else {
                gathered.text(field).await?;
            }
            if gathered.has_enough(form.reader.taken()) {
                return Err(gathered.refused());
            }
        }
        gathered.read().map(Self)
    }
}

impl<T: Schematic + DeserializeOwned> Describe for MultipartForm<T> {
    fn describe(operation: &mut Operation) {
        let mut content = Content::of::<T>(media::MULTIPART);
        for (name, rules) in files_of::<T>() {
            if !rules.types.is_empty() && has_field::<T>(name) {
                content = content.encoding(name, rules.types.join(", "));
            }
        }
        data_body(operation, content);
    }
}

/// Whether the schema knows the name: serde lists other names of a field among the fields.
fn has_field<T: Schematic>(name: &str) -> bool {
    #[cfg(feature = "schema")]
    if let crate::describe::schema::Shape::Fields(fields) = crate::describe::schema::shape_of::<T>() {
        return fields.iter().any(|field| field.name == name);
    }
    #[cfg(not(feature = "schema"))]
    let _ = std::marker::PhantomData::<T>;
    !name.is_empty()
}

impl<T> Outline for MultipartForm<T> {
    fn outline(operation: &mut Operation) {
        data_body(operation, Content::new(media::MULTIPART));
    }
}

#[cfg(test)]
mod tests;
