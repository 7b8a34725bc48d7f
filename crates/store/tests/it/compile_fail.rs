//! A mistake in a cached function, or in a key with types, is one error, on the token that is wrong.

#[test]
fn mistakes_are_shown_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
