//! An application with rows that nobody else is to read.

#![allow(dead_code, reason = "only the tables of these models matter")]

use mainstay::prelude::*;

/// Somebody who is treated.
#[model]
struct Patient {
    id: i64,
    #[field(encrypted, blind_index = lowercase, unique)]
    email: String,
    #[field(encrypted)]
    notes: Option<String>,
}

#[mainstay::main]
fn app() -> App {
    App::new().models(models![Patient]).seed("patients", fill)
}

async fn fill(db: Inject<Db>) -> Result<()> {
    let new = |number: i32| NewPatient { email: format!("{number}@example.org") }.notes("nuts".to_owned());
    Patient::insert_all((1..=700).map(new), &db).await?;
    Ok(())
}
