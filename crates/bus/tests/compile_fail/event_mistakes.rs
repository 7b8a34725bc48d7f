use mainstay_bus::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize)]
struct NoName {
    order: i64,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "")]
struct EmptyName;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "a", version = 0)]
struct NoVersion;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "b", topic = "x")]
struct Unknown;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "c", key = customer)]
struct NoField {
    order: i64,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "d", key = order)]
enum NotInEach {
    Placed { order: i64 },
    Cancelled { number: i64 },
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "e")]
struct Generic<T>(T);

#[derive(Serialize, Deserialize)]
struct Opaque;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "f", key = what)]
struct KeyCannotBeWritten {
    what: Opaque,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "g", upgrade = from_before)]
struct UpgradeOfNoVersion;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "h", version = 2, upgrade = from_before)]
struct UpgradeOfAnotherForm;

fn from_before(stored: String) -> String {
    stored
}

fn main() {}
