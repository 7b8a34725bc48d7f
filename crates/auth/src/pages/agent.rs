//! How a browser is called on a page: `Firefox on Linux`. What it says itself names half a dozen others.

/// What a browser has in what it says, and its name. Those that name others come before them.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
];

/// The same of systems.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac", "macOS"),
    ("Linux", "Linux"),
];

/// A name that people know. A program that is no browser goes by what it says.
pub(super) fn named(agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    if !agent.starts_with("Mozilla/") {
        return agent.to_owned();
    }
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_as_people_call_them() {
        let chrome = "(KHTML, like Gecko) Chrome/140.0.0.0";
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (&format!("Mozilla/5.0 (Windows NT 10.0) {chrome} Safari/537.36"), "Chrome on Windows"),
            (
                &format!("Mozilla/5.0 (Windows NT 10.0) {chrome} Safari/537.36 Edg/140.0.0.0"),
                "Edge on Windows",
            ),
            (&format!("Mozilla/5.0 (Linux; Android 14) {chrome} Mobile Safari/537.36"), "Chrome on Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on an iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15",
                "Safari on macOS",
            ),
        ] {
            assert_eq!(named(agent), name);
        }
    }

    #[test]
    fn others_go_by_what_they_say() {
        for agent in ["curl/8.0", "Desk <1>", "", "Mozilla/5.0 (compatible; Unheard-of)"] {
            assert_eq!(named(agent), agent);
        }
    }
}
