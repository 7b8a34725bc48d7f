//! Locks: what every engine has to do, what a lock does by itself, and how an application chooses an engine.

mod contract;
mod holding;
mod processes;
mod starting;
