//! Where the parts of a model are, and what its table has to hold for their sake.

use std::ops::Range;

use super::{FieldMeta, ModelMeta, PartMeta};

/// The check that an optional part is there as a whole, or not at all.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The check's name: `customers_shipping_whole`.
    pub(crate) name: String,
    /// The part: `shipping`.
    pub(crate) part: String,
    /// The condition, with names in backticks.
    pub(crate) sql: String,
}

/// What an object in JSON has that stands for a row, or for a part of it.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// A field, and its position in the model's.
    Field(usize, &'static FieldMeta),
    /// A part, and the position of its first field in the model's.
    Part(usize, &'static PartMeta),
}

/// A part, wherever it is nested.
pub(crate) struct Placed {
    /// `billing.geo`.
    pub(crate) path: String,
    /// The position of its first field in the model's.
    pub(crate) first: usize,
    pub(crate) part: &'static PartMeta,
}

impl Placed {
    /// Its fields as the model has them, each beside what it is in the part.
    fn fields(&self, model: &ModelMeta) -> impl Iterator<Item = (&'static FieldMeta, &'static FieldMeta)> {
        model.fields[self.first..].iter().zip(self.part.of.fields)
    }
}

impl ModelMeta {
    /// What its rows have in JSON, in order: parts are objects of their own.
    pub fn members(&self) -> Vec<Member> {
        members(self.fields, self.parts, 0, 0..self.fields.len())
    }

    /// What a part of it has in JSON, the first field of which is at `first`.
    pub fn members_of(&self, part: &'static PartMeta, first: usize) -> Vec<Member> {
        members(self.fields, part.of.parts, first, first..first + part.width())
    }

    /// All of its parts, each before those that are inside of it.
    pub(crate) fn placed(&self) -> Vec<Placed> {
        let mut placed = Vec::new();
        add(self.parts, "", 0, &mut placed);
        placed
    }

    /// The condition of the field at `position`. In a part, it is written with the part's own names of its columns.
    pub(crate) fn check_of(&self, position: usize) -> Option<String> {
        let sql = self.fields[position].check?;
        let mut placed = self.placed().into_iter();
        let has = |part: &Placed| (part.first..part.first + part.part.width()).contains(&position);
        let Some(inmost) = placed.rfind(has) else { return Some(sql.to_owned()) };
        let columns: Vec<_> = inmost.fields(self).map(|(field, own)| (own.column, field.column)).collect();
        Some(renamed(sql, &columns))
    }

    /// What keeps half of a part from being stored, for each part that may be left out.
    pub(crate) fn wholes(&self) -> Vec<Whole> {
        let optional = self.placed().into_iter().filter(|placed| placed.part.optional);
        // A part of one column has no half.
        optional.filter(|placed| placed.part.width() > 1).map(|placed| self.whole(&placed)).collect()
    }

    fn whole(&self, placed: &Placed) -> Whole {
        let said = |what: &str, all: bool| {
            let fields = placed.fields(self).filter(|(_, own)| all || !own.nullable);
            let conditions =
                fields.map(|(field, _)| format!("`{}` IS {what}", field.column.replace('`', "``")));
            conditions.collect::<Vec<_>>().join(" AND ")
        };
        Whole {
            name: format!("{}_{}_whole", self.table, placed.path.replace('.', "_")),
            sql: format!("({}) OR ({})", said("NULL", true), said("NOT NULL", false)),
            part: placed.path.clone(),
        }
    }
}

fn members(
    fields: &'static [FieldMeta],
    parts: &'static [PartMeta],
    start: usize,
    within: Range<usize>,
) -> Vec<Member> {
    let (mut members, mut next) = (Vec::new(), within.start);
    while next < within.end {
        let part = parts.iter().find(|part| start + part.first == next);
        members.push(part.map_or(Member::Field(next, &fields[next]), |part| Member::Part(next, part)));
        next += part.map_or(1, PartMeta::width);
    }
    members
}

fn add(parts: &'static [PartMeta], outer: &str, start: usize, placed: &mut Vec<Placed>) {
    for part in parts {
        let (path, first) = (format!("{outer}{}", part.name), start + part.first);
        let inside = format!("{path}.");
        placed.push(Placed { path, first, part });
        add(part.of.parts, &inside, first, placed);
    }
}

/// SQL with other names of columns. What stands in apostrophes is a text, and what is called is a function.
fn renamed(sql: &str, columns: &[(&str, &str)]) -> String {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (mut out, mut rest, mut in_text) = (String::with_capacity(sql.len()), sql, false);
    while let Some(letter) = rest.chars().next() {
        let length = if is_letter(letter) {
            rest.find(|letter| !is_letter(letter)).unwrap_or(rest.len())
        } else {
            in_text ^= letter == '\'';
            letter.len_utf8()
        };
        let (word, behind) = rest.split_at(length);
        let is_called = behind.trim_start().starts_with('(');
        let column = columns.iter().find(|(own, _)| *own == word).filter(|_| !in_text && !is_called);
        match column {
            // It may be quoted already.
            Some((_, column)) if out.ends_with(['`', '"']) => out.push_str(column),
            Some((_, column)) => {
                out.push('`');
                out.push_str(column);
                out.push('`');
            }
            None => out.push_str(word),
        }
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_columns_as_the_model_has_them() {
        let of = |sql| renamed(sql, &[("length", "a_length"), ("code", "a_code")]);
        assert_eq!(of("length(code) = length"), "length(`a_code`) = `a_length`");
        assert_eq!(
            of("code IN ('code', 'it''s code') AND codes > 1"),
            "`a_code` IN ('code', 'it''s code') AND codes > 1"
        );
        assert_eq!(of("\"code\" <> `code`"), "\"a_code\" <> `a_code`");
        assert_eq!(of("ä.code"), "ä.`a_code`");
    }
}
