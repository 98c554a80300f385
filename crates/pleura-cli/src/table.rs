//! Tables of text for a terminal.

use std::fmt;

/// Rows of cells, each column as wide as its widest cell.
#[derive(Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    numbers: Vec<bool>,
}

impl Table {
    /// A table under these headings; a heading that begins with `>` sets its column flush right.
    pub fn with_headings<S: AsRef<str>>(headings: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self::default();
        let mut row = Vec::new();
        for heading in headings {
            let heading = heading.as_ref();
            table.numbers.push(heading.starts_with('>'));
            row.push(heading.trim_start_matches('>').to_owned());
        }
        table.rows.push(row);
        table
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let (width, numbers) = (widths[column], self.numbers.get(column) == Some(&true));
                let pad = " ".repeat(width - cell.chars().count());
                let (before, after) = if numbers {
                    (pad.as_str(), "")
                } else {
                    ("", pad.as_str())
                };
                line.extend(["  ", before, cell, after]);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_blanks() {
        let mut table = Table::with_headings(["finding", ">AUC"]);
        table.row(["κ", "0.9"]);
        table.row(["COVID-19", "0.913"]);
        assert_eq!(
            table.to_string(),
            "  finding     AUC\n  κ           0.9\n  COVID-19  0.913\n"
        );
    }
}
