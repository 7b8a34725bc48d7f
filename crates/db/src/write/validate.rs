//! What the metadata says of values, checked before they are written.

use mainstay_core::{Error, Fault, Result};

use super::Assignments;
use crate::meta::FieldMeta;
use crate::value::Value;

/// Checks the values that are set against the limits of their fields. 422 with one fault for each that is outside.
pub fn validate(assignments: &Assignments) -> Result<()> {
    let mut faults = Vec::new();
    for (index, field) in assignments.meta().fields.iter().enumerate() {
        if let Some(Value::Text(text)) = assignments.get(index)
            && (field.min_length.is_some() || field.max_length.is_some())
        {
            length(field, text, &mut faults);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

fn length(field: &FieldMeta, text: &str, faults: &mut Vec<Fault>) {
    let characters = text.chars().count();
    let outside = |limit: u32, bound: &str| {
        let unit = if limit == 1 { "character" } else { "characters" };
        Fault::new(format!("/{}", field.name), "length", format!("must have {bound} {limit} {unit}"))
    };
    if let Some(least) = field.min_length
        && characters < least as usize
    {
        faults.push(outside(least, "at least"));
    }
    if let Some(most) = field.max_length
        && characters > most as usize
    {
        faults.push(outside(most, "at most"));
    }
}
