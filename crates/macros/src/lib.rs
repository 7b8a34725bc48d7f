//! The macros of Mainstay. Each emits a thin call into ordinary, documented functions of the crate that owns it; what
//! one expands to fits on a screen.

mod cached;
mod duration;
mod entry;
mod event;
mod from_row;
mod inject;
mod job;
mod migrations;
mod model;
mod projection;
mod root;
mod route;
mod views;

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

/// Makes a struct or an enum an event: `#[event(name = "article.published", version = 2, key = article)]`. See the trait `Event`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(event::expand(&input))
}

/// Makes a struct injectable: its fields are its dependencies, each an `Inject<T>` or an `Option<Inject<T>>`.
/// Provide it with `.provide(T::provider())`.
#[proc_macro_derive(Inject)]
pub fn inject(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(inject::expand(&input))
}

/// Makes a struct a job: its fields are the arguments, which are stored, and its function `run` is called with them by a worker.
///
/// ```text
/// #[derive(Job, Serialize, Deserialize)]
/// #[job(queue = "mails", attempts = 5, timeout = "30s", unique)]
/// struct Welcome { account: i64 }
///
/// impl Welcome {
///     async fn run(self, mailer: Inject<Mailer>) -> Result<()> { … }
/// }
/// ```
///
/// | setting | meaning |
/// |---|---|
/// | `queue = "mails"` | the queue; `default` |
/// | `priority = -10` | the smallest comes first; 0 |
/// | `attempts = 5` | how many times it is tried in all; 20 |
/// | `timeout = "30s"`, `"never"` | how long an attempt may take; 10 minutes |
/// | `backoff = "5s..1h"` | the first wait before it is tried again, which doubles, and the longest; `15s..6h` |
/// | `unique`, `unique = "until_started"`, `unique = "10m"` | no other one that says the same, until it is over, until it begins, for a while |
/// | `unique_by(article)` | what makes two of them the same; all arguments |
/// | `debounce = "30s"` | it waits until for so long no other one was enqueued that says the same, and only the last one is run |
/// | `concurrency = 1` | how many run at once, over all processes |
/// | `rate = "10/1m"` | how many begin in a while, over all processes |
/// | `limit_by(account)` | what both are counted by; all of the kind |
/// | `keep = "7d"` | how long it is kept after it has succeeded; `jobs.keep_completed` |
/// | `name = "welcome"`, `formerly = "Welcome"` | the name under which it is stored, and those under which it was |
/// | `version = 2`, `upgrade = path` | the version of its arguments, and `fn(u32, Value) -> Result<Value>`, which makes them of an earlier one |
/// | `on_error = path` | `fn(&Error, u32) -> OnError`: what becomes of it after an attempt has failed |
/// | `blocking` | `run` is not async: it takes the processor, and has a thread |
#[proc_macro_derive(Job, attributes(job))]
pub fn job(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(job::expand(&input))
}

/// The kinds of jobs that an application runs: `.jobs(jobs![NotifyFollowers, digest::Weekly])`.
#[proc_macro]
pub fn jobs(paths: TokenStream) -> TokenStream {
    finish(job::list(paths.into()))
}

/// Makes a struct a model: a table, typed queries, and everything that is made from its metadata.
///
/// Above the struct: `#[model(table = "…")]`, `#[index(a, b)]`, `#[unique(a, part.b)]`,
/// `#[search(a, b, language = "english")]` for full-text search. Above a field:
///
/// | Attribute | Meaning |
/// |---|---|
/// | `#[field(primary_key)]` | (part of) the key; without one, the field `id` |
/// | `#[field(unique)]`, `#[field(index)]` | a constraint, an index |
/// | `#[field(default)]`, `#[field(default = expression)]` | a new row need not say it |
/// | `#[field(created_at)]`, `#[field(updated_at)]` | the time of the insert, of the last write |
/// | `#[field(default_sql = "…")]` | a default of the engine's, in SQL |
/// | `#[field(generated)]` | the engine counts; what an integer called `id` has by itself |
/// | `#[field(generated = "…")]` | the engine computes the value from others of the row, by this SQL |
/// | `#[field(min_length = 1, max_length = 120)]` | checked before writing, and by the table |
/// | `#[field(min = 0, max = 99.5)]` | the same for numbers |
/// | `#[field(precision = 12, scale = 2)]` | how many digits a `Decimal` has, and how many behind the point |
/// | `#[field(check = "…")]` | a condition in SQL, checked by the table |
/// | `#[field(version)]`, `#[field(deleted_at)]` | counts updates; the time when the row was deleted |
/// | `#[field(tenant)]` | of which tenant the row is, which no query can forget |
/// | `#[renamed_from(name)]` | what field or model it was before, for migrations |
/// | `#[field(column = "…")]` | the column's name |
/// | `#[field(hidden)]` | never in JSON or `Debug` |
/// | `#[field(encrypted)]` | stored sealed, by the application's keys |
/// | `#[field(encrypted, blind_index)]`, `blind_index = lowercase` | the same, and looked up by a digest: `eq`, `is_in`, `unique` |
/// | `#[field(encrypted, reads_plain)]` | what is not sealed yet is read as it is |
/// | `#[field(read_only)]`, `#[field(searchable)]` | for the surfaces made from the model |
/// | `#[embedded]`, `#[embedded(prefix = "…")]` | a struct of columns, or an `Option` of one: see [`macro@embedded`] |
/// | `#[belongs_to(on_delete = cascade, on_update = cascade)]` | `BelongsTo<T>` or `Option<BelongsTo<T>>`: the column `<field>_id` |
/// | `#[belongs_to(fields(a, b))]` | the same, where these fields have the other row's key |
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

/// Makes a struct a part of models: its fields are columns of their tables.
///
/// ```text
/// #[embedded]
/// pub struct Address {
///     pub street: String,
///     #[field(max_length = 2)]
///     pub country: String,
/// }
///
/// #[model]
/// pub struct Customer {
///     pub id: i64,
///     #[embedded]
///     pub billing: Address,             // billing_street, billing_country
///     #[embedded(prefix = "ship_")]
///     pub shipping: Option<Address>,    // ship_street, ship_country: both NULL, or neither
/// }
/// ```
///
/// Its fields take what those of a [`macro@model`] take, but for what is of a whole row or of a table: no key, no relation, no
/// `version`, `generated`, `created_at` and the like. A part can have parts itself: `#[embedded]` above the field; prefixes add
/// up. Above a part, `#[field(hidden, read_only, searchable)]` is said of all its fields, and `#[renamed_from(name)]` of all
/// its columns.
///
/// It brings `Clone`, `PartialEq`, `Serialize`, `Deserialize` and a `Debug` without what is hidden, where the struct does not
/// derive them itself. Beside `Address`, there is then `AddressFields`: its columns.
#[proc_macro_attribute]
pub fn embedded(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::ItemStruct);
    model::embedded(&arguments.into(), item).into()
}

/// The migrations in the folder `migrations/` beside the manifest, embedded: `App::new().migrations(migrations!())`.
///
/// A library whose parts are installed apart from each other has a folder for each, `migrations/invoices/` say, and a set for each:
/// `migrations!("invoices")`.
#[proc_macro]
pub fn migrations(arguments: TokenStream) -> TokenStream {
    finish(migrations::embed(arguments.into()))
}

/// The views in the folder `views/` beside the manifest, embedded: `App::new().views(views!())`.
#[proc_macro]
pub fn views(arguments: TokenStream) -> TokenStream {
    finish(views::embed(&arguments.into()))
}

/// Makes a struct of named fields from a row: of SQL by hand, whose columns have the names of its fields (or what
/// `#[db(rename = "…")]` says), and of a query. For that it makes a struct of expressions, which has the name of the struct
/// with `Columns` behind it: `query.select(|it| SummaryColumns { title: it.title, comments: it.comments.count() })`.
///
/// A field whose type is a struct of columns ([`macro@embedded`]), or an `Option` of one, is read from several:
/// `#[db(embedded)] billing: Address` from `billing_street` and so on, or from columns that begin with what
/// `#[db(embedded, prefix = "…")]` says.
#[proc_macro_derive(FromRow, attributes(db))]
pub fn from_row(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(from_row::expand(&input))
}

/// Makes a struct a projection of another: it has some of its fields, by name, and the other leaves the process as this.
/// See the trait `Projection` for what may be said of a field.
#[proc_macro_derive(Projection, attributes(projection))]
pub fn projection(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(projection::expand(&input))
}

/// Makes an enum of plain variants a column: stored as text, in snake case or as `#[db(rename = "…")]` says. It also
/// brings `Serialize` and `Deserialize` with the same names.
///
/// With `#[db(integer)]` above the enum, the numbers of its variants are stored: `Low = 1`. JSON has their names all the same.
#[proc_macro_derive(DbEnum, attributes(db))]
pub fn db_enum(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(model::choices(&input))
}

/// Makes a struct around one value a column: `struct Email(String);`. It is stored as that value, and brings `Serialize`
/// and `Deserialize` that write and read that value alone.
///
/// `#[db(try_from)]` makes it by its `TryFrom`, from rows and from JSON: what `try_from` refuses is a fault. `#[db(key)]`
/// lets it be a primary key; it is `Clone`, `Eq`, `Hash` and `Debug` then.
#[proc_macro_derive(DbType, attributes(db))]
pub fn db_type(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as syn::DeriveInput);
    finish(model::newtype(&input))
}

/// Makes a GET route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn get(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("GET"), arguments, item)
}

/// Makes a POST route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn post(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("POST"), arguments, item)
}

/// Makes a PUT route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn put(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("PUT"), arguments, item)
}

/// Makes a PATCH route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn patch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("PATCH"), arguments, item)
}

/// Makes a DELETE route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn delete(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("DELETE"), arguments, item)
}

/// Makes a HEAD route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn head(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("HEAD"), arguments, item)
}

/// Makes an OPTIONS route of an async function; see [`macro@route`] for the settings.
#[proc_macro_attribute]
pub fn options(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(Some("OPTIONS"), arguments, item)
}

/// Makes a route of an async function, for a method that has no attribute of its own.
///
/// ```text
/// /// Finds articles.
/// ///
/// /// The first paragraph is the summary in API documents, the rest the description.
/// #[route("/articles", method = "QUERY", tag = "articles", timeout = "5s")]
/// #[errors(UnprocessableEntity = "bad_query")]
/// async fn search(query: Json<Search>) -> Result<Json<Vec<Article>>> { … }
/// ```
///
/// | setting | meaning |
/// |---|---|
/// | `"/articles/{slug}"` | the path; `{*rest}` catches all that follows |
/// | `name = "article"` | so that its address can be made from its parameters |
/// | `tag = "articles"` | what it is listed under; may be repeated |
/// | `versions = "2.."` | the versions of the API that it is there in: `2`, `1..=2`, `..=2`, `2..` |
/// | `deprecated` | callers should move away; `#[deprecated]` on the function says the same |
/// | `hidden` | API documents leave it out: pages for people |
/// | `body_limit = "10MB"` | instead of `http.body_limit` |
/// | `timeout = "5s"`, `"never"` | instead of `http.timeout` |
/// | `cross_origin` | other sites may send it: for web hooks and token APIs |
/// | `hang_up = "cancels"`, `"finishes"` | what becomes of it when the client hangs up |
///
/// `#[errors(NotFound, Conflict = "slug_taken")]` below it says how it may fail.
#[proc_macro_attribute]
pub fn route(arguments: TokenStream, item: TokenStream) -> TokenStream {
    verb(None, arguments, item)
}

/// Keeps what an async function gives in the cache: it runs where nothing is kept for its arguments.
///
/// ```text
/// /// The article of this number.
/// #[cached(for = "5m", stale = "1m", tags("articles", "article:{id}"))]
/// async fn article(id: i64, cache: Inject<Cache>, db: Inject<Db>) -> Result<Summary> {
///     Ok(Article::find(id, &db).await?.into())
/// }
/// ```
///
/// | setting | meaning |
/// |---|---|
/// | `for = "5m"` | how long it is kept: `500ms`, `30s`, `5m`, `1h`, `7d` |
/// | `stale = "1m"` | so much longer it is given as it is, while it is made anew in the background |
/// | `key = "article:{id}"` | what it is kept under, instead of the path of the function and all arguments |
/// | `tags("articles", "article:{id}")` | what it is forgotten by |
///
/// One argument is the cache: `&Cache` or `Inject<Cache>`. The others tell values apart, and are `Serialize` for that; in a `key`,
/// `Display`. What is injected does not, nor what is marked `#[skip]`: that has to be the same for everybody who calls. It returns
/// `Result<T>`, whose `T` is kept as JSON. What it fails with is not kept. With `stale` it may run after its caller has gone, so that
/// it owns its arguments.
///
/// Beside the function there is a type of its name, with `article::forget(&cache, &id)`, and `article::key(&id)`, under which it is.
#[proc_macro_attribute]
pub fn cached(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    cached::expand(arguments.into(), function).into()
}

/// Says how a handler may fail: `#[errors(NotFound, Conflict = "slug_taken")]`, below `#[get(…)]`.
#[proc_macro_attribute]
pub fn errors(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistake: TokenStream = route::errors_misplaced().to_compile_error().into();
    mistake.extend(item);
    mistake
}

/// The routes of functions that carry `#[get]` and its siblings: `routes![list, articles::show]`.
#[proc_macro]
pub fn routes(paths: TokenStream) -> TokenStream {
    finish(route::list(paths.into()))
}

fn verb(method: Option<&str>, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    route::expand(method, arguments.into(), function).into()
}

fn finish(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
