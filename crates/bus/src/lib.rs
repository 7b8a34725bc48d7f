//! Messages between parts of an application, and to others: what is written in a transaction is delivered after it.
