//! Medians, the table, and the budgets.

/// A promise of the design, and what was measured.
pub(crate) struct Budget {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
}

impl Budget {
    pub(crate) fn is_kept(&self) -> bool {
        self.measured <= self.limit
    }
}

/// One line for each budget, with what was measured, the limit, and the verdict.
pub(crate) fn budgets(budgets: &[Budget]) -> String {
    let widest = budgets.iter().map(|budget| budget.what.chars().count()).max().unwrap_or(0);
    let line = |budget: &Budget| {
        let Budget { what, measured, limit, unit } = budget;
        let verdict = if budget.is_kept() { "kept" } else { "OVER" };
        format!("{what:<widest$}  {measured:>8.2}{unit}  of at most {limit:.2}{unit}  {verdict}\n")
    };
    format!("\nBudgets\n{}", budgets.iter().map(line).collect::<String>())
}

/// Lays out rows of cells below a header: the first column to the left, numbers to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// The middle value; of an even number, the mean of the two in the middle. `NaN` of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_an_outlier() {
        assert!((median([3.0, 1.0, 900.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median([4.0, 2.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }

    #[test]
    fn says_which_budget_is_exceeded() {
        let budget = |measured| Budget { what: "stack".into(), measured, limit: 1.4, unit: "x" };
        let text = budgets(&[budget(1.31), budget(1.52)]);
        assert!(text.contains("1.31x  of at most 1.40x  kept"), "{text}");
        assert!(text.contains("1.52x  of at most 1.40x  OVER"), "{text}");
        assert!(!budget(f64::NAN).is_kept(), "what was not measured is not kept");
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let rows = [vec!["a".into(), "100".into()], vec!["long".into(), "7".into()]];
        assert_eq!(table(&rows), "a     100\nlong    7\n");
    }
}
