//! Doc comments.

use serde_json::Value;

/// What limits a value, and is no part of its type.
const LIMITS: [&str; 12] = [
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "default",
];

/// The lines of a comment on what a schema describes.
pub(super) fn of_schema(schema: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(text) = schema["description"].as_str() {
        lines.extend(text.trim().lines().map(str::to_owned));
    }
    for key in LIMITS {
        if let Some(value) = schema.get(key).filter(|value| !value.is_null()) {
            lines.push(format!("@{key} {}", plain(value)));
        }
    }
    let examples = schema["examples"].as_array().into_iter().flatten().chain(schema.get("example"));
    lines.extend(examples.map(|example| format!("@example {}", plain(example))));
    if schema["readOnly"] == true {
        lines.push("@readonly".to_owned());
    }
    if schema["deprecated"] == true {
        lines.push("@deprecated".to_owned());
    }
    lines
}

/// Writes a comment; nothing where there is nothing to say.
pub(super) fn write(lines: &[String], indent: usize, file: &mut String) {
    let pad = "  ".repeat(indent);
    // The end of a comment within it would be its end: also one that is there only when what breaks lines is gone.
    let lines: Vec<String> = lines.iter().map(|line| line.replace('\r', "").replace("*/", "*\\/")).collect();
    match lines.as_slice() {
        [] => {}
        [line] => file.push_str(&format!("{pad}/** {} */\n", line.trim())),
        lines => {
            file.push_str(&format!("{pad}/**\n"));
            for line in lines {
                file.push_str(format!("{pad} * {line}").trim_end());
                file.push('\n');
            }
            file.push_str(&format!("{pad} */\n"));
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('\n', " "),
        value => value.to_string(),
    }
}
