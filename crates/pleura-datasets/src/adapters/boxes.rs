//! Boxes around findings in published tables.

use std::path::PathBuf;

use crate::Error;
use crate::table::TableRow;
use pleura_manifest::Region;

/// The box of a row as part of a mask. The columns hold left, top, width and height, in pixels of a film of
/// the given columns and rows.
pub(super) fn of_row(row: TableRow<'_>, columns: [usize; 4], frame: [usize; 2]) -> Result<PathBuf, Error> {
    let mut sides = [0.0; 4];
    for (side, column) in sides.iter_mut().zip(columns) {
        *side = row
            .number(column)
            .ok_or_else(|| row.fault(column, "a number of pixels"))?;
    }
    let expected = || format!("a box on a film of {} columns and {} rows", frame[0], frame[1]);
    let region = Region::new(sides, frame).ok_or_else(|| row.fault(columns[0], expected()))?;
    Ok(region.to_string().into())
}
