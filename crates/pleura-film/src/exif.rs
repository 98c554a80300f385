//! The EXIF orientation: reading and applying.

use crate::levels::Levels;
use crate::source::Step;

/// The orientation tag of TIFF 6.0, tag 274.
const ORIENTATION: u16 = 0x0112;

/// The orientation, 1 to 8, in an APP1 segment; `None` if there is no valid one.
pub(crate) fn orientation(segment: &[u8]) -> Option<u8> {
    orientation_of_tiff(segment.strip_prefix(b"Exif\0\0")?)
}

/// The orientation, 1 to 8, in EXIF data without a prefix; `None` if there is no valid one.
pub(crate) fn orientation_of_tiff(tiff: &[u8]) -> Option<u8> {
    let big = match tiff.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let pair: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        })
    };
    let offset: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let directory = if big {
        u32::from_be_bytes(offset)
    } else {
        u32::from_le_bytes(offset)
    } as usize;
    let entries = usize::from(u16_at(directory)?);
    (0..entries).find_map(|entry| {
        let at = directory.checked_add(2 + 12 * entry)?;
        if u16_at(at)? != ORIENTATION {
            return None;
        }
        // A SHORT is in the first two of the four value bytes, in either byte order.
        let value = u16_at(at + 8)?;
        (1..=8).contains(&value).then_some(value as u8)
    })
}

/// Rotates and mirrors a film by its orientation. Returns its new size and pixels.
pub(crate) fn turn(
    width: usize,
    height: usize,
    levels: Levels,
    orientation: u8,
    steps: &mut Vec<Step>,
) -> (usize, usize, Levels) {
    if !(2..=8).contains(&orientation) {
        return (width, height, levels);
    }
    let grey = levels.into_grey();
    steps.push(Step::Orientation { exif: orientation });
    // The stored row and column that each orientation displays at (row, column).
    let source = |row: usize, column: usize| match orientation {
        2 => (row, width - 1 - column),
        3 => (height - 1 - row, width - 1 - column),
        4 => (height - 1 - row, column),
        5 => (column, row),
        6 => (height - 1 - column, row),
        7 => (height - 1 - column, width - 1 - row),
        _ => (column, width - 1 - row),
    };
    let (new_width, new_height) = if orientation >= 5 {
        (height, width)
    } else {
        (width, height)
    };
    let mut turned = Vec::with_capacity(grey.len());
    for row in 0..new_height {
        turned.extend((0..new_width).map(|column| {
            let (row, column) = source(row, column);
            grey[row * width + column]
        }));
    }
    (new_width, new_height, Levels::Unit(turned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_undoes_its_own_exposure() {
        // Stored 3×2:  0 1 2
        //              3 4 5
        let stored: Vec<f32> = (0_u8..6).map(f32::from).collect();
        let shown = [
            (1, 3, [0, 1, 2, 3, 4, 5]),
            (2, 3, [2, 1, 0, 5, 4, 3]),
            (3, 3, [5, 4, 3, 2, 1, 0]),
            (4, 3, [3, 4, 5, 0, 1, 2]),
            (5, 2, [0, 3, 1, 4, 2, 5]),
            (6, 2, [3, 0, 4, 1, 5, 2]),
            (7, 2, [5, 2, 4, 1, 3, 0]),
            (8, 2, [2, 5, 1, 4, 0, 3]),
        ];
        for (orientation, width, expected) in shown {
            let mut steps = Vec::new();
            let (new_width, _, turned) = turn(3, 2, Levels::Unit(stored.clone()), orientation, &mut steps);
            assert_eq!(new_width, width, "orientation {orientation}");
            assert_eq!(
                turned.into_grey(),
                expected.map(|value: u8| f32::from(value)),
                "orientation {orientation}"
            );
            assert_eq!(steps.len(), usize::from(orientation > 1));
        }
    }

    #[test]
    fn offsets_outside_the_segment_are_no_orientation() {
        let mut segment = b"Exif\0\0II*\0\xff\xff\xff\xff".to_vec();
        assert_eq!(orientation(&segment), None);
        segment.truncate(9);
        assert_eq!(orientation(&segment), None);
    }
}
