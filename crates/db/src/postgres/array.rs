//! Arrays as the server writes them: what they are of, how many there are, and each with its length.

use super::buffer::read;
use super::kind::Kind;
use crate::value::Cell;

/// The elements of an array of one dimension; `None` for what is no such array.
pub(crate) fn elements(raw: &[u8]) -> Option<Vec<Cell<'_>>> {
    let (dimensions, rest) = number(raw)?;
    let (_has_nulls, rest) = number(rest)?;
    let (of, rest) = number(rest)?;
    let kind = Kind::of_number(u32::try_from(of).ok()?)?;
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let (length, rest) = number(rest)?;
    let (_first, mut rest) = number(rest)?;
    let length = usize::try_from(length).ok()?;
    if dimensions != 1 || length > rest.len() / 4 {
        return None;
    }
    let mut elements = Vec::with_capacity(length);
    for _ in 0..length {
        let (size, after) = number(rest)?;
        if size == -1 {
            elements.push(Cell::Null);
            rest = after;
            continue;
        }
        let (element, after) = after.split_at_checked(usize::try_from(size).ok()?)?;
        elements.push(read(kind, element));
        rest = after;
    }
    Some(elements)
}

fn number(raw: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = raw.split_first_chunk::<4>()?;
    Some((i32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(numbers: &[i32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    proptest! {
        #[test]
        fn never_panics_on_what_arrives(raw: Vec<u8>) {
            let _ = elements(&raw);
        }
    }

    #[test]
    fn reads_what_the_server_writes() {
        assert_eq!(elements(&written(&[0, 0, 23])), Some(vec![]));
        let raw = written(&[1, 1, 23, 2, 1, 4, 7, -1]);
        assert_eq!(elements(&raw), Some(vec![Cell::Int(7), Cell::Null]));
        assert_eq!(elements(&written(&[2, 0, 23, 1, 1, 1, 1, 4, 7])), None);
        assert_eq!(elements(&written(&[1, 0, 23, 2_000_000_000, 1])), None);
    }
}
