//! What holds for every input.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_file_and_no_variable_can_make_it_panic(
        toml in "(\\[{1,2}[a-z.]{0,9}\\]{1,2}|[a-z.\"']{1,9} ?= ?|[0-9x_.:-]{1,9}|[\"'{},\\[\\]#\\\\\n é]){0,30}",
        dotenv in "([A-Z_]{1,20}=?|[\"'#\\\\ \n=$é]|MAINSTAY__HTTP__){0,20}",
        name in "MAINSTAY_[A-Z_]{0,20}",
        value in any::<String>(),
        key in "[a-z.\\[\\]]{0,12}",
    ) {
        let sources = Sources::isolated()
            .file("config/default.toml", toml)
            .file(".env", dotenv)
            .variable(name, value.clone())
            .arguments([(format!("http.{key}"), value)]);
        let findings = Loader::new(Profile::Test, sources).section::<Http>().section::<Database>().load().err();
        for finding in findings.iter().flat_map(Findings::iter) {
            prop_assert!(!finding.message.is_empty());
        }
    }

    #[test]
    fn whatever_a_file_says_is_what_the_section_gets(host in any::<String>(), port: u16, hosts in prop::collection::vec("[^,\\[]{1,9}", 0..4)) {
        let text = format!("[http]\nport = {port}\nhost = {}\nhosts = {}", json(&host), json(&hosts));
        // A JSON string is a TOML string, but for DEL and the slash that JSON need not escape.
        prop_assume!(!text.contains('\u{7f}') && port > 0 && !host.contains("evil"));
        let http = http(default_toml(&text));
        prop_assert_eq!((&http.host, http.port, &http.hosts), (&host, port, &hosts));
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}
