//! The macros of Mainstay. Each emits a thin call into ordinary, documented functions of the crate that owns it; what
//! one expands to fits on a screen.

mod entry;
mod inject;
mod model;
mod root;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Turns a function that returns an `App` into a program with commands.
///
/// The function stays, so that tests can start `app()`; a `main` is added that runs it. The package's name and version
/// become the application's.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    entry::expand(&arguments.into(), &function).into()
}

/// Makes a struct injectable: its fields are its dependencies, each an `Inject<T>` or an `Option<Inject<T>>`.
/// Provide it with `.provide(T::provider())`.
#[proc_macro_derive(Inject)]
pub fn inject(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(inject::expand(&input))
}

/// Makes a struct a model: a table, typed queries, and everything that is made from its metadata.
///
/// Above the struct: `#[model(table = "…")]`, `#[index(a, b)]`, `#[unique(a, b)]`. Above a field:
///
/// | Attribute | Meaning |
/// |---|---|
/// | `#[field(primary_key)]` | (part of) the key; without one, the field `id` |
/// | `#[field(unique)]`, `#[field(index)]` | a constraint, an index |
/// | `#[field(default)]`, `#[field(default = expression)]` | a new row need not say it |
/// | `#[field(created_at)]`, `#[field(updated_at)]` | the time of the insert, of the last write |
/// | `#[field(min_length = 1, max_length = 120)]` | checked before writing, and by the table |
/// | `#[field(column = "…")]` | the column's name |
/// | `#[field(hidden)]` | never in JSON or `Debug` |
/// | `#[field(read_only)]`, `#[field(searchable)]` | for the surfaces made from the model |
/// | `#[belongs_to(on_delete = cascade)]` | `BelongsTo<T>` or `Option<BelongsTo<T>>`: the column `<field>_id` |
/// | `#[has_many(by = field)]` | `HasMany<T>` |
/// | `#[many_to_many(through = T, from = a, to = b)]` | `ManyToMany<T>` |
///
/// Beside `Article`, there are then `NewArticle` (the fields without default), `ArticleDraft`, `ArticleChange` and
/// `ArticleFields`.
#[proc_macro_attribute]
pub fn model(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::ItemStruct);
    model::expand(arguments.into(), item).into()
}

/// Makes an enum of plain variants a column: stored as text, in snake case or as `#[db(rename = "…")]` says. It also
/// brings `Serialize` and `Deserialize` with the same names.
#[proc_macro_derive(DbEnum, attributes(db))]
pub fn db_enum(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(model::choices(&input))
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
