use mainstay_db::{BelongsTo, FromRow, embedded, model};

#[derive(Clone, Debug, serde::Serialize)]
struct Plain {
    city: String,
}

#[embedded]
struct Place {
    city: String,
    note: Option<String>,
}

#[embedded]
struct Notes {
    first: Option<String>,
    second: Option<String>,
}

#[embedded]
struct Keyed {
    #[field(primary_key)]
    id: i64,
}

#[embedded]
struct Counted {
    #[field(version)]
    version: i32,
}

#[embedded]
struct Timed {
    #[field(max_length = 5, created_at)]
    at: String,
}

#[embedded]
struct Computed {
    one: i64,
    #[field(generated = "one * 2")]
    two: i64,
}

#[embedded]
struct Related {
    #[belongs_to]
    shop: BelongsTo<Shop>,
}

#[embedded(prefix = "x_")]
struct Prefixed {
    city: String,
}

#[embedded]
#[index(city)]
struct Indexed {
    city: String,
}

#[embedded]
struct Generic<T> {
    city: T,
}

#[embedded]
struct Tuple(String);

#[model]
struct Shop {
    id: i64,
}

#[model]
struct NotAPart {
    id: i64,
    #[embedded]
    place: Plain,
}

#[model]
struct Invisible {
    id: i64,
    #[embedded]
    notes: Option<Notes>,
}

#[model]
struct Above {
    id: i64,
    #[embedded]
    #[field(unique)]
    place: Place,
}

#[model]
struct Misnamed {
    id: i64,
    #[embedded(suffix = "_x")]
    place: Place,
}

#[model]
#[index(place)]
#[index(id.city)]
struct Whole {
    id: i64,
    #[embedded]
    place: Place,
}

#[model]
#[index(place.town)]
struct Unknown {
    id: i64,
    #[embedded]
    place: Place,
}

#[model]
struct ByPart {
    id: i64,
    #[embedded]
    place: Place,
    #[belongs_to(fields(place))]
    shop: BelongsTo<Shop>,
}

#[derive(FromRow)]
struct Prefix {
    #[db(prefix = "ship_")]
    place: Place,
}

#[derive(FromRow)]
struct Flattened {
    #[db(flatten, rename = "ship")]
    place: Shop,
}

#[derive(FromRow)]
struct Renamed {
    #[db(embedded, rename = "ship")]
    place: Place,
}

#[model]
struct Customer {
    id: i64,
    #[embedded]
    billing: Place,
    #[embedded]
    shipping: Option<Place>,
}

fn queries() {
    let _ = Customer::filter(|c| c.billing.town.eq("Bonn"));
    let _ = Customer::filter(|c| c.billing.city.eq(5));
    let _ = Customer::filter(|c| c.billing.is_null());
    let _ = Customer::query().order_by(|c| c.billing);
    let _ = NewCustomer {};
    let _: mainstay_db::Selection<Customer, String> = Customer::query().select(|c| c.shipping.city);
}

fn main() {}
