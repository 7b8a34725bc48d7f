//! Reads the rules of a `<style>` (CSS Syntax, as far as it matters here).

use super::selector::Selector;

/// `color: red`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_important: bool,
}

/// What stands between braces.
pub(super) type Block = Vec<Declaration>;

/// A rule that can be put into elements.
pub(super) struct Rule {
    pub(super) selectors: Vec<Selector>,
    pub(super) block: Block,
}

/// What a `<style>` has.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) rules: Vec<Rule>,
    /// What stays there.
    pub(super) rest: String,
}

impl Sheet {
    pub(super) fn read(css: &str) -> Self {
        let css = without_comments(css);
        let mut sheet = Self::default();
        let mut rest = css.trim();
        while !rest.is_empty() {
            let end = end_of_rule(rest);
            let (rule, after) = rest.split_at(end);
            sheet.take(rule.trim());
            rest = after.trim_start();
        }
        sheet
    }

    fn take(&mut self, rule: &str) {
        let parts = rule.split_once('{').and_then(|(of, block)| Some((of, block.strip_suffix('}')?)));
        let Some((of, block)) = parts.filter(|_| !rule.starts_with('@')) else { return self.keep(rule) };
        let block = block.trim();
        let (mut selectors, mut kept) = (Vec::new(), Vec::new());
        for text in of.split(',').map(str::trim) {
            match Selector::read(text) {
                Some(selector) => selectors.push(selector),
                None => kept.push(text),
            }
        }
        // A comma may stand in brackets: then no part of it is what it seems.
        if of.contains(['(', '[', '"', '\'']) {
            (selectors, kept) = (Vec::new(), vec![of.trim()]);
        }
        if !kept.is_empty() {
            self.keep(&format!("{} {{ {block} }}", kept.join(", ")));
        }
        let block = declarations(block);
        if !selectors.is_empty() && !block.is_empty() {
            self.rules.push(Rule { selectors, block });
        }
    }

    fn keep(&mut self, text: &str) {
        if !self.rest.is_empty() {
            self.rest.push('\n');
        }
        self.rest.push_str(text);
    }
}

/// The declarations of a block. What is none is left out, as browsers do.
pub(super) fn declarations(block: &str) -> Block {
    split(block, b';').into_iter().filter_map(declaration).collect()
}

fn declaration(text: &str) -> Option<Declaration> {
    let (name, value) = text.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let important = value.rfind('!').filter(|at| value[at + 1..].trim().eq_ignore_ascii_case("important"));
    let value = important.map_or(value, |at| value[..at].trim_end());
    let name = if name.starts_with("--") { name.to_owned() } else { name.to_ascii_lowercase() };
    (is_name && !value.is_empty()).then(|| Declaration {
        name,
        value: value.split_whitespace().collect::<Vec<_>>().join(" "),
        is_important: important.is_some(),
    })
}

/// The parts between `at`, but for what stands in quotes or brackets.
fn split(text: &str, at: u8) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let mut depth = Depth::default();
    for (index, byte) in text.bytes().enumerate() {
        if depth.is_outside() && byte == at {
            parts.push(&text[from..index]);
            from = index + 1;
        }
        depth.pass(byte);
    }
    parts.push(&text[from..]);
    parts
}

/// Where the first rule ends: behind its block, or behind its `;` if that comes first.
fn end_of_rule(css: &str) -> usize {
    let mut depth = Depth::default();
    for (index, byte) in css.bytes().enumerate() {
        let was_outside = depth.is_outside();
        depth.pass(byte);
        let ends = match byte {
            b';' => was_outside,
            b'}' => depth.is_outside(),
            _ => false,
        };
        if ends {
            return index + 1;
        }
    }
    css.len()
}

/// Whether a place is in quotes or brackets.
#[derive(Default)]
struct Depth {
    brackets: usize,
    quote: Option<u8>,
    is_escaped: bool,
}

impl Depth {
    fn is_outside(&self) -> bool {
        self.brackets == 0 && self.quote.is_none()
    }

    fn pass(&mut self, byte: u8) {
        if self.is_escaped {
            self.is_escaped = false;
            return;
        }
        match (self.quote, byte) {
            (_, b'\\') => self.is_escaped = true,
            (Some(quote), _) if quote == byte => self.quote = None,
            (None, b'"' | b'\'') => self.quote = Some(byte),
            (None, b'(' | b'[' | b'{') => self.brackets += 1,
            (None, b')' | b']' | b'}') => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
    }
}

fn without_comments(css: &str) -> String {
    let mut bare = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        bare.push(' ');
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    bare
}
