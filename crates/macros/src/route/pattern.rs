//! The path of a route, checked where it is written. The table of routes checks it once more when the prefixes of its
//! groups are known; the rules are the same.

use syn::{Error, LitStr, Result};

/// What is wrong with a path, if anything is.
pub(super) fn check(path: &LitStr) -> Result<()> {
    match fault(&path.value()) {
        Some(fault) => Err(Error::new(path.span(), fault)),
        None => Ok(()),
    }
}

fn fault(path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix('/') else {
        return Some(format!("a path starts with a slash: `/{path}`"));
    };
    let mut names = Vec::new();
    let segments: Vec<&str> = rest.split('/').collect();
    for (index, segment) in segments.iter().enumerate() {
        if let Some(fault) = fault_of(segment, index + 1 == segments.len(), &mut names) {
            return Some(fault);
        }
    }
    None
}

fn fault_of<'p>(segment: &'p str, last: bool, names: &mut Vec<&'p str>) -> Option<String> {
    if let Some(name) = segment.strip_prefix(':') {
        return Some(format!("a parameter is written in braces: `{{{name}}}`"));
    }
    if let Some(name) = segment.strip_prefix('*') {
        let name = if name.is_empty() { "rest" } else { name };
        return Some(format!("what catches all that follows is written in braces: `{{*{name}}}`"));
    }
    if let Some(bad) = segment.chars().find(|c| matches!(c, '?' | '#')) {
        return Some(format!("a path ends before `{bad}`: take the query with the `Query` extractor"));
    }
    if matches!(segment, "." | "..") {
        return Some(format!("clients remove `{segment}` from paths before they ask, so this never matches"));
    }
    let plain = segment.replace("{{", "\0\0").replace("}}", "\0\0");
    match (plain.find('{'), plain.find('}')) {
        (None, None) => None,
        (None, Some(_)) => {
            Some(format!("`{segment}` closes a brace that was not opened (`}}}}` is the character)"))
        }
        (Some(_), None) => Some(format!("the brace in `{segment}` is not closed (`{{{{` is the character)")),
        (Some(open), Some(close)) if close < open => {
            Some(format!("`{segment}` closes a brace that was not opened"))
        }
        (Some(open), Some(close)) => {
            if close + 1 < segment.len() {
                return Some(format!("text follows the parameter in `{segment}`: end the segment with it"));
            }
            let inside = &segment[open + 1..close];
            let name = inside.strip_prefix('*').unwrap_or(inside);
            if inside.starts_with('*') && !last {
                return Some(format!(
                    "`{{{inside}}}` catches all that follows, so it must be the last segment"
                ));
            }
            if inside.starts_with('*') && open > 0 {
                return Some(format!(
                    "text stands before the catch-all in `{segment}`: give it its own segment"
                ));
            }
            if name.is_empty() {
                return Some(
                    "a parameter needs a name: `{id}`, or `{*rest}` for all that follows".to_owned(),
                );
            }
            let mut letters = name.chars();
            let starts_well = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_');
            if !starts_well || !letters.all(|c| c.is_alphanumeric() || c == '_') {
                return Some(format!("`{name}` is no name for a parameter: letters, digits and `_`"));
            }
            if names.contains(&name) {
                return Some(format!("the parameter `{name}` appears twice"));
            }
            names.push(name);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn takes_every_path_that_the_table_takes() {
        for path in ["/", "/a", "/a/", "/{a}/b/{c}", "/v-{version}", "/{*rest}", "/{{a}}", "/größe", "/a//b"]
        {
            assert_eq!(fault(path), None, "{path}");
        }
    }

    #[test]
    fn refuses_every_path_that_the_table_refuses() {
        for path in [
            "",
            "a",
            "/:id",
            "/*",
            "/{a",
            "/a}",
            "/{}",
            "/{*}",
            "/{a-b}",
            "/{1}",
            "/{a}/{a}",
            "/{*a}/b",
            "/{a}.json",
            "/x{*a}",
            "/a?b",
            "/a#b",
            "/..",
            "/}{",
        ] {
            assert!(fault(path).is_some(), "{path}");
        }
    }
}
