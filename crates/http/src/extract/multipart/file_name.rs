//! Names of files that a client gives.

/// What is left of a client's file name when nothing in it can do harm: no folders, no control or direction
/// characters, none of `<>:"|?*` (special on Windows), no dots or spaces at either end, no reserved device name, at
/// most 150 bytes with the extension kept.
pub fn safe_file_name(name: &str) -> Option<String> {
    const LONGEST: usize = 150;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|ch| !ch.is_control() && !is_invisible(*ch))
        .map(|ch| if r#"<>:"|?*"#.contains(ch) { '_' } else { ch })
        .collect();
    let clean = clean.trim_matches(|ch: char| ch == '.' || ch.is_whitespace());
    if clean.is_empty() {
        return None;
    }
    let (stem, extension) = match clean.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, Some(extension)),
        _ => (clean, None),
    };
    let room = LONGEST - extension.map_or(0, |extension| extension.len() + 1);
    let mut safe: String = if is_device(stem) { format!("_{stem}") } else { stem.to_owned() };
    while safe.len() > room {
        safe.pop();
    }
    if let Some(extension) = extension {
        safe.push('.');
        safe.push_str(extension);
    }
    Some(safe)
}

/// Zero-width and direction characters, with which `exe.jpg` can be made of `gpj.exe`.
fn is_invisible(ch: char) -> bool {
    matches!(ch, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Names that mean a device on Windows, whatever their extension.
fn is_device(stem: &str) -> bool {
    let first = stem.split('.').next().unwrap_or_default().trim().to_ascii_lowercase();
    let numbered = |kind: &str| {
        first
            .strip_prefix(kind)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(first.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_file_names_safe() {
        let safe = |name: &str| safe_file_name(name).unwrap_or_default();
        assert_eq!(safe("report.pdf"), "report.pdf");
        assert_eq!(safe(r"C:\Users\ann\Bericht für März.pdf"), "Bericht für März.pdf");
        assert_eq!(safe("../../.ssh/authorized_keys"), "authorized_keys");
        assert_eq!(safe(".htaccess"), "htaccess");
        assert_eq!(safe("con.txt"), "_con.txt");
        assert_eq!(safe("LPT1"), "_LPT1");
        assert_eq!(safe("photo\u{202e}gpj.exe"), "photogpj.exe");
        assert_eq!(safe("a\0b\n.txt"), "ab.txt");
        for nothing in ["", "..", "/", "a/", " . ", "\u{200b}"] {
            assert_eq!(safe_file_name(nothing), None, "{nothing:?}");
        }
        assert_eq!(safe(&format!("{}.jpeg", "ä".repeat(300))).len(), 149);
    }

    proptest::proptest! {
        #[test]
        fn a_safe_name_stays_in_its_folder(name in ".{0,200}") {
            if let Some(safe) = safe_file_name(&name) {
                proptest::prop_assert!(!safe.contains(['/', '\\', '\0']) && !safe.starts_with('.') && safe.len() <= 151);
                let path = std::path::Path::new(&safe);
                proptest::prop_assert_eq!(path.components().count(), 1);
                proptest::prop_assert!(path.file_name().is_some());
            }
        }
    }
}
