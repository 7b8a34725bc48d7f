//! Files that go on where they were cut off.

use mainstay::prelude::*;

/// Takes a film.
///
/// It is kept under its own name, in the folder that the program runs in.
#[post("/films", tag = "Bodies", body_limit = "1GB")]
pub(crate) async fn film(film: Finished) -> Result<String> {
    let name = film.file_name().unwrap_or("film").to_owned();
    film.save(&name).await?;
    Ok(format!("{name}: {} bytes", film.size()))
}
