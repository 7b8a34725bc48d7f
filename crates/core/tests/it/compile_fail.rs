//! The macros' mistakes, each with an error on the right token.

#[test]
fn names_the_mistake_and_its_fix() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
