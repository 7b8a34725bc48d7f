//! A shop: products that everybody sees and their sellers change.

use chrono::{DateTime, NaiveDate, Utc};
use mainstay_api::rest::authorized::{Authorized, Update};
use mainstay_api::transaction::{RequestTx, transaction};
use mainstay_api::{Api, ApiExt, ResourcesExt};
use mainstay_core::principal::Principal;
use mainstay_core::{App, Contribute, Resolver, Result};
use mainstay_db::{BelongsTo, Db, DbEnum, Decimal, HasMany, Json, ModelsExt, model, models};
use mainstay_http::describe::{Place, SecurityScheme, SecuritySpec};
use mainstay_http::stack::principal::{Authenticate, Authenticator};
use mainstay_http::{Exchange, Json as HttpJson, RoutesExt, get, post, routes};
use mainstay_resource::policy::Open;
use mainstay_resource::{Action, FieldSet, Policy, Resource, Rows};

/// Somebody who sells.
#[model]
pub(crate) struct Seller {
    pub(crate) id: i64,
    #[field(unique, max_length = 40)]
    pub(crate) name: String,
    #[field(hidden, default = "secret")]
    pub(crate) token: String,
    #[has_many]
    pub(crate) products: HasMany<Product>,
    #[has_many]
    pub(crate) ledgers: HasMany<Ledger>,
}

/// How a product is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DbEnum)]
pub(crate) enum Status {
    Draft,
    OnSale,
}

/// Something to be sold.
#[model]
#[check(name = "price_is_no_loss", sql = "price >= 0", message = "the price is negative")]
pub(crate) struct Product {
    pub(crate) id: i64,
    /// What it is called.
    #[field(unique, min_length = 1, max_length = 60, searchable)]
    pub(crate) name: String,
    #[field(searchable, default = "")]
    pub(crate) text: String,
    #[field(precision = 10, scale = 2)]
    pub(crate) price: Decimal,
    #[field(default = Status::Draft)]
    pub(crate) status: Status,
    #[field(min = 0, default = 0)]
    pub(crate) stock: i32,
    pub(crate) made_on: Option<NaiveDate>,
    pub(crate) details: Option<Json<serde_json::Value>>,
    #[belongs_to(on_delete = restrict)]
    pub(crate) seller: BelongsTo<Seller>,
    /// What it costs the seller.
    #[field(default = 0)]
    pub(crate) cost: i32,
    #[field(read_only, default = 0)]
    pub(crate) sold: i64,
    #[field(created_at)]
    pub(crate) created_at: DateTime<Utc>,
}

/// Something with a key of two fields, and a version.
#[model]
pub(crate) struct Shelf {
    #[field(primary_key, max_length = 40)]
    pub(crate) room: String,
    #[field(primary_key)]
    pub(crate) number: i32,
    pub(crate) label: String,
    #[field(version)]
    pub(crate) version: i32,
}

/// Nobody has said who may see it.
#[model]
pub(crate) struct Ledger {
    pub(crate) id: i64,
    pub(crate) note: String,
    #[belongs_to(on_delete = cascade)]
    pub(crate) seller: BelongsTo<Seller>,
}

/// What anybody may write, and only sellers read.
#[model]
pub(crate) struct Letter {
    pub(crate) id: i64,
    pub(crate) text: String,
    #[field(default = false)]
    pub(crate) read: bool,
}

struct LetterBox;

impl Policy<Letter> for LetterBox {
    fn rows(&self, who: &Principal, action: Action) -> Rows<Letter> {
        match action {
            Action::View if !who.is_authenticated() => Rows::none(),
            Action::View => Rows::all(),
            _ => Rows::<Letter>::when(|letter| letter.read.eq(false)),
        }
    }

    fn check(&self, _: &Principal, _: Action, _: &Letter) -> bool {
        true
    }

    fn fields(&self, _: &Principal, _: Action) -> FieldSet<Letter> {
        FieldSet::all()
    }
}

/// Everybody sees what is on sale, without its cost; sellers see all of theirs, and change it.
struct OwnProducts;

/// Everybody sees the sellers but Bob, whom sellers see; nobody changes them.
struct MostSellers;

impl Policy<Seller> for MostSellers {
    fn rows(&self, who: &Principal, action: Action) -> Rows<Seller> {
        match action {
            Action::View if who.is_authenticated() => Rows::all(),
            Action::View => Rows::<Seller>::when(|seller| seller.name.ne("Bob")),
            _ => Rows::none(),
        }
    }

    fn check(&self, _: &Principal, _: Action, _: &Seller) -> bool {
        false
    }

    fn fields(&self, _: &Principal, _: Action) -> FieldSet<Seller> {
        FieldSet::all()
    }
}

fn seller(who: &Principal) -> Option<i64> {
    who.id().parse().ok()
}

impl Policy<Product> for OwnProducts {
    fn rows(&self, who: &Principal, action: Action) -> Rows<Product> {
        match (action, seller(who)) {
            (Action::View, None) => Rows::<Product>::when(|product| product.status.eq(Status::OnSale)),
            (Action::View, Some(id)) => Rows::<Product>::when(|product| {
                product.status.eq(Status::OnSale) | product.seller.is(|seller| seller.id.eq(id))
            }),
            (_, Some(id)) => Rows::<Product>::when(|product| product.seller.is(|seller| seller.id.eq(id))),
            (_, None) => Rows::none(),
        }
    }

    fn check(&self, who: &Principal, _: Action, after: &Product) -> bool {
        seller(who) == Some(after.seller.key().into_inner())
    }

    fn fields(&self, who: &Principal, action: Action) -> FieldSet<Product> {
        match action {
            Action::View if seller(who).is_none() => FieldSet::<Product>::all_but(|product| product.cost),
            Action::View | Action::Create | Action::Delete => FieldSet::all(),
            Action::Update => FieldSet::<Product>::all_but(|product| product.name),
        }
    }
}

/// `Authorization: Seller 1` is seller 1, for the tests.
struct ByNumber;

impl Authenticate for ByNumber {
    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut http::request::Parts,
        _: &'a Resolver,
    ) -> futures_util::future::BoxFuture<'a, Result<Option<Principal>>> {
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let principal = header.and_then(|value| value.strip_prefix("Seller ")).map(Principal::user);
        Box::pin(std::future::ready(Ok(principal)))
    }
}

/// An action of its own: it is named by the name of the product.
#[post("/products/{name}/restock")]
async fn restock(tx: RequestTx, product: Authorized<Product, Update>) -> Result<HttpJson<Product>> {
    let mut product = product.into_inner();
    product.update(|product| product.stock(100), &tx).await?;
    Ok(HttpJson(product))
}

/// What is shown by the policy, by its key.
#[get("/products/{product}/label")]
async fn label(product: Authorized<Product>) -> String {
    product.name.to_uppercase()
}

pub(crate) fn app() -> App {
    let sellers = Resource::<Seller>::new("/sellers")
        .policy(MostSellers)
        .include(|seller| seller.products.order_by(|product| product.price.desc()).limit(2))
        .include(|seller| seller.ledgers);
    let in_header = SecurityScheme::Key { place: Place::Header, name: "Authorization".into() };
    App::new()
        .routes(routes![restock, label].middleware(transaction))
        .models(models![Seller])
        .contribute(Authenticator::new(ByNumber).documented(SecuritySpec::new("seller", in_header)))
        .resource(Resource::<Product>::new("/products").policy(OwnProducts).include(|product| product.seller))
        .resource(Resource::<Product>::new("/sellers/{seller}/products").within(|product| product.seller))
        .resource(
            Resource::<Product>::new("/shops/{seller}/goods")
                .within_by(|product| product.seller, |seller| seller.name)
                .by(|product| product.name),
        )
        .resource(Resource::<Product>::new("/goods").by(|product| product.name))
        .resource(Resource::<Shelf>::new("/shelves").policy(Open))
        .resource(sellers)
        .resource(Resource::<Letter>::new("/letters").policy(LetterBox))
        .resource(Resource::<Ledger>::new("/ledger"))
        .api(Api::new().title("Shop"))
}

/// Two sellers: Ann with three products on sale and a draft, Bob with one.
pub(crate) async fn fill(db: &Db) {
    let ann = NewSeller { name: "Ann".into() }.id(1).insert(db).await.unwrap();
    let bob = NewSeller { name: "Bob".into() }.id(2).insert(db).await.unwrap();
    let day = |day| NaiveDate::from_ymd_opt(2026, 5, day);
    let new = |name: &str, cents: i64, seller: &Seller| NewProduct {
        name: name.into(),
        price: Decimal::new(cents, 2),
        seller: seller.key(),
    };
    let products = [
        new("Apple", 30, &ann).status(Status::OnSale).stock(100).made_on(day(1)).text("red and round"),
        new("Bread", 350, &ann).status(Status::OnSale).stock(5).made_on(day(2)).text("a round loaf"),
        new("Cheese", 999, &ann).status(Status::OnSale).text("100% cow_milk").cost(500),
        new("Dough", 120, &ann).cost(60),
        new("Élan", 1_000_000, &bob).status(Status::OnSale).stock(1),
    ];
    for product in products {
        product.insert(db).await.unwrap();
    }
    NewShelf { room: "attic".into(), number: 1, label: "old".into() }.insert(db).await.unwrap();
    NewLedger { note: "private".into(), seller: ann.key() }.insert(db).await.unwrap();
}
