//! `#[model]`, `#[embedded]` and `#[derive(DbEnum)]`.
//!
//! - [`input`]: what is written above and in the struct, and what is wrong with it; [`attributes`]: above a field;
//!   [`table`]: about the table; [`encryption`]: about fields that are stored sealed.
//! - [`names`]: from names in the code to tables, columns and labels.
//! - [`meta`]: the static metadata; [`links`]: that of tables which no struct stands for.
//! - [`row`]: from rows to the struct and back; [`by_fields`]: relations whose key other fields have.
//! - [`companions`]: the types beside the struct: its columns, what is new, what changes; [`inherent`]: its own functions.
//! - [`mod@embedded`]: structs of columns; [`parts`]: these in models and in one another.
//! - [`mod@choices`]: enums as columns; [`mod@newtype`]: structs around one value.

mod attributes;
mod by_fields;
mod choices;
mod companions;
mod embedded;
mod encryption;
mod inherent;
mod input;
mod links;
mod meta;
mod names;
mod newtype;
mod parts;
mod row;
mod table;

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) use choices::expand as choices;
pub(crate) use embedded::expand as embedded;
use input::Model;
pub(crate) use input::{argument, inside_option};
pub(crate) use newtype::expand as newtype;
pub(crate) use parts::presence;

/// Expands `#[model]`.
pub(crate) fn expand(arguments: TokenStream, item: syn::ItemStruct) -> TokenStream {
    let mut stripped = item.clone();
    input::strip(&mut stripped);
    let model = match Model::read(arguments, &item) {
        Ok(model) => model,
        // The struct stays, so that there are no further errors because it is not there.
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#stripped #error);
        }
    };
    let (companions, inherent) = (companions::types(&model), inherent::functions(&model));
    let (statics, implementation) = (meta::statics(&model), row::implementation(&model));
    let (serialize, debug) = (row::serialize(&model), row::debug(&model.ident, &model.fields));
    quote! {
        #[derive(::core::clone::Clone)]
        #stripped
        #companions
        #inherent
        const _: () = {
            #statics
            #implementation
            #serialize
            #debug
        };
    }
}
