//! Work that is done in the background, from the application's own database.
