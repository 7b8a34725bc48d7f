//! Puts the rules of a page's `<style>` into the `style` of its elements, since some mail programs read nothing else.
//!
//! - `sheet`: reads rules, and what has to stay where it is.
//! - `selector`: which elements a rule is about.
//! - `page`: finds the tags of a page.
//! - here: which declaration wins, and how the page is written.
//!
//! Rules about elements, classes and ids are put in, with what stands before them by a space or a `>`. Everything else stays in the
//! `<style>`: `@media`, `:hover`, what is not understood. So does the whole of a `<style data-keep>`. Nothing else of the page is changed,
//! and where there is no rule to put in, nothing at all.

mod page;
mod selector;
mod sheet;

use std::collections::HashSet;
use std::ops::Range;

use page::{Piece, Pieces, Tag};
use selector::{Element, Specificity};
use sheet::{Block, Declaration, Rule, Sheet};

/// So large might a page become at most, if every rule were put into every element; a larger one stays as it is. Who mails what others have
/// written has no control over either.
const LARGEST: usize = 32 << 20;

/// The page with its rules in its elements.
pub(crate) fn inline(html: &str) -> String {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    let (mut css, tags) = (0, html.bytes().filter(|byte| *byte == b'<').count());
    for piece in Pieces::of(html) {
        let Piece::Text { tag, content, end } = piece else { continue };
        let is_kept = tag.attribute("data-keep").is_some()
            || tag.value("media", html).is_some_and(|media| !matches!(&*media, "all" | "screen" | ""));
        if tag.name != "style" || is_kept {
            continue;
        }
        css += content.len();
        if css.saturating_mul(tags) > LARGEST {
            return html.to_owned();
        }
        let Sheet { rules: found, rest } = Sheet::read(&html[content.clone()]);
        if found.is_empty() {
            continue;
        }
        rules.extend(found);
        match rest.is_empty() {
            true => edits.push((tag.range.start..end, String::new())),
            false => edits.push((content, format!("\n{rest}\n"))),
        }
    }
    if rules.is_empty() {
        return html.to_owned();
    }
    edits.extend(styles(html, &rules));
    edits.sort_by_key(|(range, _)| range.start);
    written(html, &edits)
}

/// What each element is to have as its `style`.
fn styles(html: &str, rules: &[Rule]) -> Vec<(Range<usize>, String)> {
    let mut open: Vec<Element> = Vec::new();
    let mut edits = Vec::new();
    for piece in Pieces::of(html) {
        match piece {
            Piece::End(name) => {
                if let Some(index) = open.iter().rposition(|element| element.name == name) {
                    open.truncate(index);
                }
            }
            Piece::Start(tag) => {
                page::close_before(&tag.name, &mut open);
                let element = Element {
                    id: tag.value("id", html),
                    classes: tag.value("class", html).unwrap_or_default(),
                    name: tag.name.clone(),
                };
                if !page::is_of_head(&tag.name) {
                    let before = tag.value("style", html).unwrap_or_default();
                    let matching = matching(rules, &element, &open);
                    if !matching.is_empty() {
                        edits.push(edit(&tag, &cascade(&matching, &sheet::declarations(&before))));
                    }
                }
                if !page::is_void(&tag.name) && open.len() < page::DEEPEST {
                    open.push(element);
                }
            }
            Piece::Text { .. } => {}
        }
    }
    edits
}

/// The blocks of the rules that are about an element, that which counts least first.
fn matching<'r>(rules: &'r [Rule], element: &Element, open: &[Element]) -> Vec<&'r Block> {
    let mut found: Vec<(Specificity, &Block)> = Vec::new();
    for rule in rules {
        let specificities = rule.selectors.iter().filter(|selector| selector.is_about(element, open));
        if let Some(most) = specificities.map(|selector| selector.specificity()).max() {
            found.push((most, &rule.block));
        }
    }
    // Of two that count the same, the later one wins: the order of the page stays.
    found.sort_by_key(|(specificity, _)| *specificity);
    found.into_iter().map(|(_, block)| block).collect()
}

/// What holds of all blocks and of what the element says itself (CSS Cascading, section 6.1). `!important` is obeyed here and not
/// written, so that the `@media` of a page, which have to use it from now on, go before it.
fn cascade(rules: &[&Block], own: &Block) -> String {
    let (mut holds, mut taken) = (Vec::<&Declaration>::new(), HashSet::<&str>::new());
    for is_important in [true, false] {
        for block in [own].into_iter().chain(rules.iter().rev().copied()) {
            let from = holds.len();
            let said = block.iter().rev().filter(|one| one.is_important == is_important);
            holds.extend(said.filter(|one| !taken.contains(&*one.name)));
            // After the whole block: in it the same may stand twice, the second for programs that know better.
            taken.extend(holds[from..].iter().map(|one| &*one.name));
        }
    }
    holds.reverse();
    let written: Vec<_> = holds.iter().map(|one| format!("{}:{}", one.name, one.value)).collect();
    written.join(";")
}

/// The `style` of a tag: instead of its own, or before its end.
fn edit(tag: &Tag, style: &str) -> (Range<usize>, String) {
    let quoted = match style.contains('\'') {
        false => style.replace('"', "'"),
        true => style.replace('"', "\u{0}"),
    };
    let escaped = quoted.replace('&', "&amp;").replace('<', "&lt;").replace('\u{0}', "&quot;");
    let attribute = format!("style=\"{escaped}\"");
    match tag.attribute("style") {
        Some(found) => (found.range.clone(), attribute),
        None => (tag.name_end..tag.name_end, format!(" {attribute}")),
    }
}

fn written(html: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut written = String::with_capacity(html.len() * 2);
    let mut from = 0;
    for (range, text) in edits {
        written.push_str(&html[from..range.start]);
        written.push_str(text);
        from = range.end;
    }
    written.push_str(&html[from..]);
    written
}

#[cfg(test)]
mod tests;
