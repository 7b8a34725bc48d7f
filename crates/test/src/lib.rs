//! Tests of applications.
