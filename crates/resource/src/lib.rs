//! What every surface of a model shares.
