//! Answers that come piece by piece.

use futures_util::stream;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

/// One of many.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Row {
    number: u32,
    /// With a line break in it.
    text: String,
}

/// Rows, as many as asked for.
#[get("/streams/lines/{count}", tag = "Streams")]
pub(crate) async fn lines(Path(count): Path<u32>) -> JsonLines<Row> {
    let rows = (1..=count).map(|number| Ok::<_, Error>(Row { number, text: "é\n".repeat(2) }));
    JsonLines::new(stream::iter(rows))
}

/// Rows as events.
#[get("/streams/events", tag = "Streams")]
pub(crate) async fn events() -> JsonEvents<Row> {
    let rows = (1..=3).map(|number| {
        let event = Event::default().event("row").id(number.to_string());
        Ok::<_, Error>((event, Row { number, text: "a\nb".to_owned() }))
    });
    JsonEvents::with(stream::iter(rows))
}

/// Texts as events, without an end.
#[get("/streams/texts", tag = "Streams")]
pub(crate) async fn texts() -> Sse {
    Sse::new(stream::iter((0..).map(|number| Ok::<_, Error>(Event::new(format!("line {number}\nand more"))))))
}
